//! `milepost keys`: API keys, made, listed, rolled and revoked in the store.

use std::path::PathBuf;
use std::sync::Arc;

use clap::{Args, Subcommand, ValueEnum};
use engine::{Act, Done, Host, KeyState, Made, NewKey, Registry, System, is_merchant_name};
use escrow::{KeyId, Mode, Owner, Span, Timestamp};
use serde_json::{Value, json};
use store::{ApiKey, KeyHolder, KeyKind, Merchant, NotAScope, PageRequest, Position, Scopes, Store};

use crate::config::{Sources, parse_span};
use crate::failure::Failure;
use crate::merchants;
use crate::opening::{Found, Opened, SecretArgs, Site, StoreArgs, TuningArgs};
use crate::output::{Column, Out, Style, utc};

/// Make, list, roll and revoke API keys
///
/// A secret is shown once, when it is made; the store keeps nothing but a keyed hash of it. All but `list` open an embedded store for
/// themselves alone, so the gateway must not run on it meanwhile; on a database any number of gateways may.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  milepost keys create --merchant Sandbox --mode test")]
pub(crate) struct KeysArgs {
    #[command(subcommand)]
    command: KeysCommand,
    #[command(flatten)]
    store: StoreArgs,
    #[command(flatten)]
    secret: SecretArgs,
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
    /// What the key may do, such as `escrow:write,account:read`; a merchant's only [default: everything]
    #[arg(long, value_name = "SCOPES", value_parser = parse_scopes)]
    scopes: Option<Scopes>,
    /// What the key is called, for people
    #[arg(long, value_name = "TEXT", value_parser = parse_name)]
    name: Option<String>,
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

/// What stands for every scope.
const ALL_SCOPES: &str = "*";

/// How many keys or merchants a list shows at most: all there are.
const MOST_LISTED: usize = usize::MAX;

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

fn parse_scopes(text: &str) -> Result<Scopes, String> {
    if text == ALL_SCOPES {
        return Ok(Scopes::Full);
    }
    let scopes = text.split(',').map(|scope| scope.trim().parse().map_err(|error: NotAScope| error.to_string()));
    Ok(Scopes::Only(scopes.collect::<Result<_, String>>()?))
}

fn parse_name(text: &str) -> Result<String, String> {
    if is_merchant_name(text) {
        Ok(text.to_owned())
    } else {
        Err("expected a text of one line, without blanks around it".to_owned())
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
    let (site, secret) = args.store.site_and_secret(&args.secret, &TuningArgs::default(), sources)?;
    let opened = match args.command {
        KeysCommand::List => site.open_read_only().await?,
        KeysCommand::Create(_) => open_or_make(site, out).await?,
        KeysCommand::Roll(_) | KeysCommand::Revoke { .. } => site.open_existing().await?,
    };
    let host: Arc<dyn Host> = Arc::new(System::new());
    let desk = Desk { store: opened.store.clone(), opened, secret, host, out };
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
async fn open_or_make(site: Site, out: Out) -> Result<Opened, Failure> {
    let (opened, found) = site.open_or_make().await?;
    if found == Found::Nothing {
        out.line(format!("Made a new store in {}.", opened.site))?;
    }
    Ok(opened)
}

/// Who is to hold a new key.
enum Holder<'a> {
    /// The merchant of this name, in this mode.
    Merchant(&'a str, Mode),
    Operator,
}

impl CreateArgs {
    fn holder(&self) -> Result<Holder<'_>, Failure> {
        match (self.mode.kind().mode(), &self.merchant) {
            (Some(mode), Some(name)) => {
                merchants::check_name(name)?;
                Ok(Holder::Merchant(name, mode))
            }
            (None, None) if self.scopes.is_some() => {
                Err(Failure::usage("--scopes: an admin key is not limited; leave it out"))
            }
            (None, None) => Ok(Holder::Operator),
            (Some(_), None) => Err(Failure::usage("--merchant: name the merchant that the key acts for")),
            (None, Some(_)) => Err(Failure::usage("--merchant: an admin key acts for no merchant; leave it out")),
        }
    }
}

/// An open store with all that making keys takes.
struct Desk {
    opened: Opened,
    store: Arc<dyn Store>,
    /// The file with the gateway's secret.
    secret: PathBuf,
    host: Arc<dyn Host>,
    out: Out,
}

impl Desk {
    async fn create(&self, args: CreateArgs) -> Result<(), Failure> {
        let registry = self.registry().await?;
        let holder = match args.holder()? {
            Holder::Merchant(name, mode) => {
                let merchant = merchants::find_or_add(self.store.as_ref(), &registry, name).await?;
                KeyHolder::Owner(Owner { merchant: merchant.id, mode })
            }
            Holder::Operator => KeyHolder::Operator,
        };
        let expires = args.expires.map(|span| self.host.now().after(span));
        let (kind, name, scopes) = (args.mode.kind(), args.name, args.scopes.unwrap_or_default());
        self.perform(&registry, &Act::CreateKey(NewKey { holder, kind, name, scopes, expires })).await
    }

    async fn list(&self) -> Result<(), Failure> {
        let merchants = self.merchants().await?;
        let everything = PageRequest { limit: MOST_LISTED, position: Position::Offset(0) };
        let mut keys = self.store.keys(None, everything).await.map_err(Failure::unavailable)?.items;
        keys.reverse();
        let now = self.host.now();
        let data: Vec<Value> = keys.iter().map(|key| as_json(key, &merchants, now)).collect();
        self.out.json(&json!({"object": "list", "data": data}))?;
        if keys.is_empty() {
            return self
                .out
                .line("There are no keys yet. Make one: milepost keys create --merchant Sandbox --mode test");
        }
        let columns =
            ["id", "kind", "merchant", "name", "scopes", "last four", "created", "last used", "expires", "state"];
        let row = |key: &ApiKey| {
            vec![
                key.id.to_string(),
                key.kind.name().to_owned(),
                merchant_name(key, &merchants).to_owned(),
                key.name.clone().unwrap_or_default(),
                scopes_in_short(&key.scopes),
                key.last_four.clone(),
                utc(key.created),
                key.last_used.map_or_else(|| "never".to_owned(), utc),
                key.expires.map_or_else(|| "never".to_owned(), utc),
                KeyState::of(key, now).name().to_owned(),
            ]
        };
        self.out.table(&columns.map(Column::Left), &keys.iter().map(row).collect::<Vec<_>>())
    }

    async fn roll(&self, args: RollArgs) -> Result<(), Failure> {
        self.perform(&self.registry().await?, &Act::RollKey { id: args.id, grace: args.grace }).await
    }

    async fn revoke(&self, id: KeyId) -> Result<(), Failure> {
        self.perform(&self.registry().await?, &Act::RevokeKey { id }).await
    }

    async fn registry(&self) -> Result<Registry, Failure> {
        let keyring = self.opened.keyring(&self.secret, self.host.as_ref()).await?;
        Ok(merchants::registry(self.store.clone(), self.host.clone(), keyring))
    }

    /// Does something about a key and shows what was done.
    async fn perform(&self, registry: &Registry, act: &Act) -> Result<(), Failure> {
        let done = registry.act(act).await.map_err(Failure::unavailable)?;
        let merchants = self.merchants().await?;
        match done.map_err(|refused| Failure::no(refused.to_string()))? {
            Done::Key(made) => self.hand_over(&made, &merchants, None),
            Done::Rolled(made, old) => self.hand_over(&made, &merchants, Some(&old)),
            Done::Revoked(key) => {
                self.out.line(format!("{} (…{}) is revoked.", key.id, key.last_four))?;
                self.out.json(&as_json(&key, &merchants, self.host.now()))
            }
            Done::Merchant(..) | Done::Endpoint(..) | Done::Delivery(_) | Done::Deliveries(_) => Ok(()),
        }
    }

    /// Shows a new key, the only time its secret is shown.
    fn hand_over(&self, made: &Made, merchants: &[Merchant], replaced: Option<&ApiKey>) -> Result<(), Failure> {
        let Made { key, token: secret } = made;
        let now = self.host.now();
        let out = &self.out;
        out.line(format!("  secret    {}   (shown this once)", out.paint(Style::Bold, secret)))?;
        out.line(format!("  id        {}", key.id))?;
        out.line(format!("  kind      {}", key.kind.name()))?;
        out.line(format!("  merchant  {}", merchant_name(key, merchants)))?;
        out.line(format!("  scopes    {}", scopes_in_short(&key.scopes)))?;
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

    async fn merchants(&self) -> Result<Vec<Merchant>, Failure> {
        let everything = PageRequest { limit: MOST_LISTED, position: Position::Offset(0) };
        Ok(self.store.merchants(everything).await.map_err(Failure::unavailable)?.items)
    }
}

fn as_json(key: &ApiKey, merchants: &[Merchant], now: Timestamp) -> Value {
    let scopes = match &key.scopes {
        Scopes::Full => vec![ALL_SCOPES.to_owned()],
        Scopes::Only(scopes) => scopes.iter().map(ToString::to_string).collect(),
    };
    json!({
        "id": key.id.to_string(),
        "object": "api_key",
        "kind": key.kind.name(),
        "merchant": merchant_id(key).map(|_| merchant_name(key, merchants)),
        "merchantId": merchant_id(key).map(|id| id.to_string()),
        "name": key.name,
        "scopes": scopes,
        "lastFour": key.last_four,
        "createdAt": utc(key.created),
        "expiresAt": key.expires.map(utc),
        "revokedAt": key.revoked.map(utc),
        "lastUsedAt": key.last_used.map(utc),
        "state": KeyState::of(key, now).name(),
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

/// How many scopes there are, or that there is no limit.
fn scopes_in_short(scopes: &Scopes) -> String {
    match scopes {
        Scopes::Full => "all".to_owned(),
        Scopes::Only(scopes) => scopes.iter().map(ToString::to_string).collect::<Vec<_>>().join(" "),
    }
}
