//! `milepost keys`: API keys, made, listed, rolled and revoked in the store.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::{Args, Subcommand, ValueEnum};
use engine::{FreshIds, Host, System};
use escrow::{Ids, KeyId, Mode, Owner, Span, Timestamp};
use serde_json::{Value, json};
use store::{ApiKey, KeyHolder, KeyKind, Merchant, SqliteStore, Store};

use crate::config::{Sources, parse_span};
use crate::failure::Failure;
use crate::merchants;
use crate::opening::{self, Found, StoreArgs};
use crate::output::{Column, Out, Style, utc};

/// Make, list, roll and revoke API keys
///
/// A secret is shown once, when it is made; the store keeps nothing but a keyed hash of it. All but `list` open the store for
/// themselves alone, so the gateway must not run on it meanwhile.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  milepost keys create --merchant Sandbox --mode test")]
pub(crate) struct KeysArgs {
    #[command(subcommand)]
    command: KeysCommand,
    #[command(flatten)]
    store: StoreArgs,
}

#[derive(Debug, Subcommand)]
enum KeysCommand {
    /// Make a key for a merchant, and the merchant when there is none of this name; or one for the operator
    #[command(
        after_help = "Examples:\n  milepost keys create --merchant \"Example Builders\" --mode test --expires 90d\n  \
                            milepost keys create --mode admin"
    )]
    Create(CreateArgs),
    /// List every key, without its secret, while the gateway runs or not
    #[command(after_help = "Example:\n  milepost keys list --json")]
    List,
    /// Replace a key: make another of the same holder, and let the old one expire
    #[command(after_help = "Example:\n  milepost keys roll key_01KAPVV2QxkVfoWo4sJ3uB --grace 24h")]
    Roll(RollArgs),
    /// Make a key useless, at once and for good
    #[command(after_help = "Example:\n  milepost keys revoke key_01KAPVV2QxkVfoWo4sJ3uB")]
    Revoke {
        /// The key's id, as `keys list` shows it
        #[arg(value_parser = parse_id)]
        id: KeyId,
    },
}

#[derive(Debug, Args)]
struct CreateArgs {
    /// The merchant that the key acts for; an admin key acts for none
    #[arg(long, value_name = "NAME")]
    merchant: Option<String>,
    /// Simulated or real money, or the operator's own
    #[arg(long, value_enum)]
    mode: KeyMode,
    /// When the key stops working, counted from now, such as 90d [default: never]
    #[arg(long, value_name = "TIME", value_parser = parse_lifetime)]
    expires: Option<Span>,
    /// What the key may do; not available yet: every key may do everything that its holder may
    #[arg(long, value_name = "SCOPES", hide = true)]
    scopes: Option<String>,
}

#[derive(Debug, Args)]
struct RollArgs {
    /// The key's id, as `keys list` shows it
    #[arg(value_parser = parse_id)]
    id: KeyId,
    /// How long the old key goes on working
    #[arg(long, value_name = "TIME", value_parser = parse_span, default_value = "24h")]
    grace: Span,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum KeyMode {
    /// The sandbox
    Test,
    /// The sandbox, under the name hackathons use
    Hackathon,
    /// Real money; intents are refused until a rail and a payout method for it exist
    Live,
    /// Whoever runs the gateway: acts for no merchant, and sees all of them in both modes
    Admin,
}

impl KeyMode {
    const fn kind(self) -> KeyKind {
        match self {
            KeyMode::Test => KeyKind::Test,
            KeyMode::Hackathon => KeyKind::Hackathon,
            KeyMode::Live => KeyKind::Live,
            KeyMode::Admin => KeyKind::Admin,
        }
    }
}

/// The longest lifetime of a key: ten years.
const MAX_LIFETIME: Span = Span::from_seconds(10 * 365 * 24 * 3600);

fn parse_lifetime(text: &str) -> Result<Span, String> {
    let lifetime = parse_span(text)?;
    if lifetime.ms() > 0 && lifetime <= MAX_LIFETIME {
        Ok(lifetime)
    } else {
        Err("expected more than nothing and at most 3650d; leave it out for a key that does not expire".to_owned())
    }
}

fn parse_id(text: &str) -> Result<KeyId, String> {
    text.parse().map_err(|error: escrow::id::IdError| error.to_string())
}

/// Runs the command.
///
/// # Errors
/// When the store cannot be used, or there is no such key.
pub(crate) async fn run(args: KeysArgs, sources: &Sources, out: Out) -> Result<(), Failure> {
    if let KeysCommand::Create(create) = &args.command {
        // Before a store is made for it.
        create.holder()?;
    }
    let folder = args.store.folder(sources)?;
    let store = match args.command {
        KeysCommand::List => opening::open_read_only(&folder)?,
        KeysCommand::Create(_) => open_or_make(&folder, out)?,
        KeysCommand::Roll(_) | KeysCommand::Revoke { .. } => opening::open_existing(&folder)?,
    };
    let host: Arc<dyn Host> = Arc::new(System::new());
    let desk = Desk { folder, ids: FreshIds::new(host.clone()), host, store, out };
    let result = match args.command {
        KeysCommand::Create(create) => desk.create(create).await,
        KeysCommand::List => desk.list().await,
        KeysCommand::Roll(roll) => desk.roll(roll).await,
        KeysCommand::Revoke { id } => desk.revoke(id).await,
    };
    desk.store.close().await;
    result
}

/// A key may be made before the gateway first starts; whoever mistook the folder should notice.
fn open_or_make(folder: &Path, out: Out) -> Result<Arc<SqliteStore>, Failure> {
    let (store, found) = opening::open_or_make(folder)?;
    if found == Found::Nothing {
        out.line(format!("Made a new store in {}.", folder.display()))?;
    }
    Ok(store)
}

/// Who is to hold a new key.
enum Holder<'a> {
    /// The merchant of this name, in this mode.
    Merchant(&'a str, Mode),
    Operator,
}

impl CreateArgs {
    fn holder(&self) -> Result<Holder<'_>, Failure> {
        if self.scopes.is_some() {
            return Err(Failure::usage(
                "--scopes is not available yet: every key may do everything that its holder may",
            ));
        }
        match (self.mode.kind().mode(), &self.merchant) {
            (Some(mode), Some(name)) => {
                merchants::check_name(name)?;
                Ok(Holder::Merchant(name, mode))
            }
            (None, None) => Ok(Holder::Operator),
            (Some(_), None) => Err(Failure::usage("--merchant: name the merchant that the key acts for")),
            (None, Some(_)) => Err(Failure::usage("--merchant: an admin key acts for no merchant; leave it out")),
        }
    }
}

/// An open store with all that making keys takes.
struct Desk {
    folder: PathBuf,
    store: Arc<SqliteStore>,
    host: Arc<dyn Host>,
    ids: FreshIds,
    out: Out,
}

impl Desk {
    async fn create(&self, args: CreateArgs) -> Result<(), Failure> {
        let (holder, merchants) = match args.holder()? {
            Holder::Merchant(name, mode) => {
                let merchant = merchants::find_or_add(self.store.as_ref(), &self.ids, self.host.as_ref(), name).await?;
                (KeyHolder::Owner(Owner { merchant: merchant.id, mode }), vec![merchant])
            }
            Holder::Operator => (KeyHolder::Operator, Vec::new()),
        };
        let expires = args.expires.map(|span| self.host.now().after(span));
        let (key, secret) = self.mint(args.mode.kind(), holder, expires).await?;
        self.hand_over(&key, &secret, &merchants, None)
    }

    async fn list(&self) -> Result<(), Failure> {
        let (keys, merchants) = (self.keys().await?, self.merchants().await?);
        let now = self.host.now();
        let data: Vec<Value> = keys.iter().map(|key| as_json(key, &merchants, now)).collect();
        self.out.json(&json!({"object": "list", "data": data}))?;
        if keys.is_empty() {
            return self
                .out
                .line("There are no keys yet. Make one: milepost keys create --merchant Sandbox --mode test");
        }
        let columns = ["id", "kind", "merchant", "last four", "created", "expires", "state"].map(Column::Left);
        let row = |key: &ApiKey| {
            let expires = key.expires.map_or_else(|| "never".to_owned(), utc);
            let (kind, name) = (key.kind.name().to_owned(), merchant_name(key, &merchants).to_owned());
            let state = state(key, now).to_owned();
            vec![key.id.to_string(), kind, name, key.last_four.clone(), utc(key.created), expires, state]
        };
        self.out.table(&columns, &keys.iter().map(row).collect::<Vec<_>>())
    }

    /// The new key is stored before the old one is shortened: a crash in between leaves two that work, never none.
    async fn roll(&self, args: RollArgs) -> Result<(), Failure> {
        let mut old = self.find(args.id).await?;
        let now = self.host.now();
        if !old.is_valid(now) {
            let state = state(&old, now);
            return Err(Failure::no(format!("{} is {state}: make another with `milepost keys create`", old.id)));
        }
        // A key that was made for so many days is replaced by one for as many.
        let lifetime = old.expires.map(|expires| Span::from_ms(expires.ms() - old.created.ms()));
        let (key, secret) = self.mint(old.kind, old.holder, lifetime.map(|span| now.after(span))).await?;
        let graced = now.after(args.grace);
        old.expires = Some(old.expires.map_or(graced, |expires| expires.min(graced)));
        self.store.update_key(old.clone()).await.map_err(Failure::unavailable)?;
        self.hand_over(&key, &secret, &self.merchants().await?, Some(&old))
    }

    async fn revoke(&self, id: KeyId) -> Result<(), Failure> {
        let mut key = self.find(id).await?;
        let was_revoked = key.revoked.is_some();
        let now = self.host.now();
        if !was_revoked {
            key.revoked = Some(now);
            self.store.update_key(key.clone()).await.map_err(Failure::unavailable)?;
        }
        let done = if was_revoked { "was revoked already" } else { "is revoked" };
        self.out.line(format!("{id} (…{}) {done}.", key.last_four))?;
        self.out.json(&as_json(&key, &self.merchants().await?, now))
    }

    async fn mint(
        &self,
        kind: KeyKind,
        holder: KeyHolder,
        expires: Option<Timestamp>,
    ) -> Result<(ApiKey, String), Failure> {
        let keyring = opening::keyring(&self.folder, self.store.as_ref(), self.host.as_ref()).await?;
        let (mut key, secret) = keyring.mint(self.host.as_ref(), KeyId::new(self.ids.next()), kind, holder);
        key.expires = expires;
        self.store.add_key(key.clone(), keyring.hash_key(&secret)).await.map_err(Failure::unavailable)?;
        Ok((key, secret))
    }

    /// Shows a new key, the only time its secret is shown.
    fn hand_over(
        &self,
        key: &ApiKey,
        secret: &str,
        merchants: &[Merchant],
        replaced: Option<&ApiKey>,
    ) -> Result<(), Failure> {
        let now = self.host.now();
        let out = &self.out;
        out.line(format!("  secret    {}   (shown this once)", out.paint(Style::Bold, secret)))?;
        out.line(format!("  id        {}", key.id))?;
        out.line(format!("  kind      {}", key.kind.name()))?;
        out.line(format!("  merchant  {}", merchant_name(key, merchants)))?;
        out.line(format!("  expires   {}", key.expires.map_or_else(|| "never".to_owned(), utc)))?;
        let mut value = as_json(key, merchants, now);
        value["secret"] = json!(secret);
        if let Some(old) = replaced {
            let expires = old.expires.map_or_else(|| "never".to_owned(), utc);
            out.line(format!("  replaces  {}, which works until {expires}", old.id))?;
            value["replaced"] = as_json(old, merchants, now);
        }
        out.json(&value)
    }

    async fn find(&self, id: KeyId) -> Result<ApiKey, Failure> {
        let mut keys = self.keys().await?.into_iter();
        keys.find(|key| key.id == id).ok_or_else(|| Failure::no(format!("there is no key {id}")))
    }

    async fn keys(&self) -> Result<Vec<ApiKey>, Failure> {
        self.store.keys().await.map_err(Failure::unavailable)
    }

    async fn merchants(&self) -> Result<Vec<Merchant>, Failure> {
        self.store.merchants().await.map_err(Failure::unavailable)
    }
}

fn as_json(key: &ApiKey, merchants: &[Merchant], now: Timestamp) -> Value {
    json!({
        "id": key.id.to_string(),
        "object": "api_key",
        "kind": key.kind.name(),
        "merchant": merchant_id(key).map(|_| merchant_name(key, merchants)),
        "merchantId": merchant_id(key).map(|id| id.to_string()),
        "lastFour": key.last_four,
        "createdAt": utc(key.created),
        "expiresAt": key.expires.map(utc),
        "revokedAt": key.revoked.map(utc),
        "state": state(key, now),
    })
}

fn merchant_id(key: &ApiKey) -> Option<escrow::MerchantId> {
    match key.holder {
        KeyHolder::Owner(owner) => Some(owner.merchant),
        KeyHolder::Operator => None,
    }
}

fn merchant_name<'m>(key: &ApiKey, merchants: &'m [Merchant]) -> &'m str {
    let Some(id) = merchant_id(key) else { return "(operator)" };
    merchants.iter().find(|merchant| merchant.id == id).map_or("(unknown)", |merchant| merchant.name.as_str())
}

fn state(key: &ApiKey, now: Timestamp) -> &'static str {
    match (key.revoked, key.is_valid(now)) {
        (Some(_), _) => "revoked",
        (None, true) => "active",
        (None, false) => "expired",
    }
}
