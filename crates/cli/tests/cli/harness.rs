//! Starts the binary, talks to it, waits for things, and leaves nothing behind.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::Duration;

use engine::{Host, System};
use serde_json::{Value, json};
use tempfile::TempDir;

/// How long anything may take before a test gives up on it. Nothing waits this long when all is well.
const PATIENCE_MS: i64 = 60_000;

/// What is added to the environment of a gateway.
pub(crate) type Environment = BTreeMap<&'static str, PathBuf>;

/// The pause between two looks at a condition.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// Looks until there is something to see.
pub(crate) fn until<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let host = System::new();
    loop {
        if let Some(seen) = look() {
            return seen;
        }
        assert!(host.ticks_ms() < PATIENCE_MS, "waited in vain for {what}");
        std::thread::sleep(LOOK_EVERY);
    }
}

/// The binary, in a folder without a configuration and without any setting of ours in its environment.
pub(crate) fn command(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_milepost"));
    command.current_dir(folder).stdin(Stdio::null());
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("MILEPOST_") {
            command.env_remove(name);
        }
    }
    command
}

/// Runs the binary to its end.
pub(crate) fn run<A: AsRef<OsStr>>(folder: &Path, args: impl IntoIterator<Item = A>) -> Output {
    command(folder).args(args).output().expect("milepost runs")
}

/// Runs the binary to its end, which must be a success, and reads the JSON it prints.
pub(crate) fn run_json(folder: &Path, args: &[&str]) -> Value {
    let output = run(folder, args.iter().chain(&["--json"]));
    assert!(output.status.success(), "{args:?}: {}", stderr(&output));
    serde_json::from_slice(&output.stdout).expect("JSON")
}

/// What a finished process said on standard output.
pub(crate) fn stdout(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// What a finished process said on standard error.
pub(crate) fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Asserts how a process ended and what it complained of.
#[track_caller]
pub(crate) fn assert_failed(output: &Output, code: i32, complaint: &str) {
    let stderr = stderr(output);
    assert_eq!(output.status.code(), Some(code), "{stderr}");
    assert!(stderr.contains(complaint), "{stderr:?} does not say {complaint:?}");
}

/// A folder for a store.
pub(crate) fn folder() -> TempDir {
    tempfile::tempdir().expect("a folder")
}

/// How long to wait for something that tells of itself.
pub(crate) fn patience() -> Duration {
    Duration::from_millis(PATIENCE_MS.unsigned_abs())
}

/// The lines that a process says on its standard output, which is piped, as it says them.
pub(crate) fn lines_of(child: &mut Child) -> Receiver<String> {
    let stdout = child.stdout.take().expect("standard output is piped");
    let (sender, lines) = channel();
    std::thread::spawn(move || BufReader::new(stdout).lines().map_while(Result::ok).try_for_each(|l| sender.send(l)));
    lines
}

/// A running gateway on a port of the system's choice. It is killed when dropped.
pub(crate) struct Gateway {
    child: Child,
    lines: Receiver<String>,
    /// What it announced; of what it says to people, the same.
    pub(crate) announced: Value,
    log: TempDir,
}

impl Gateway {
    /// Starts a gateway on the store in `folder`/data, and waits until it takes requests.
    pub(crate) fn start(folder: &Path, args: &[&str]) -> Gateway {
        Gateway::start_in(&Environment::new(), folder, args)
    }

    /// The same with more in its environment.
    pub(crate) fn start_in(environment: &Environment, folder: &Path, args: &[&str]) -> Gateway {
        let started = Gateway::begin(environment, folder, args).announce();
        started.unwrap_or_else(|(code, log)| panic!("it ended with {code:?}; its log: {log}"))
    }

    /// Starts a gateway, and does not wait until it takes requests.
    pub(crate) fn begin(environment: &Environment, folder: &Path, args: &[&str]) -> Gateway {
        Gateway::spawn(environment, folder, args.iter().chain(&["--json"]))
    }

    /// Waits until it takes requests, or has ended: with this code, after logging this.
    pub(crate) fn announce(mut self) -> Result<Gateway, (Option<i32>, String)> {
        let line = self.lines.recv_timeout(patience());
        if line == Err(RecvTimeoutError::Disconnected) {
            return Err((self.wait().code(), self.log()));
        }
        let line = line.unwrap_or_else(|_| panic!("it said nothing; its log: {}", self.log()));
        self.announced = serde_json::from_str(&line).expect("the first line is JSON");
        Ok(self)
    }

    /// Starts a gateway that talks to people.
    pub(crate) fn start_for_people(folder: &Path) -> Gateway {
        Gateway::spawn(&Environment::new(), folder, &[] as &[&str])
    }

    /// The same with a key that is brought along, among other settings; and a client with that key.
    pub(crate) fn start_for_people_with(folder: &Path, args: &[&str]) -> (Gateway, Client) {
        let mut gateway = Gateway::spawn(&Environment::new(), folder, args);
        let said = |what: &str| {
            let line = std::iter::from_fn(|| Some(gateway.line()))
                .find_map(|line| line.trim().strip_prefix(what)?.trim().to_owned().into());
            line.expect("it goes on until then")
        };
        let (api, key): (String, String) = (said("base URL"), said("test key"));
        let client = Client::new(&api, &key);
        gateway.announced = json!({"listening": api.trim_end_matches("/v1"), "api": api, "test_key": key});
        (gateway, client)
    }

    /// Starts a gateway whose standard error is a device that is always full, and waits until it takes requests.
    #[cfg(target_os = "linux")]
    pub(crate) fn start_without_a_log(folder: &Path) -> Gateway {
        let full = std::fs::File::options().write(true).open("/dev/full").expect("a device that is full");
        let gateway = Gateway::spawn_logging_to(full, self::folder(), &Environment::new(), folder, ["--json"]);
        gateway.announce().unwrap_or_else(|(code, _)| panic!("it ended with {code:?}"))
    }

    fn spawn<A: AsRef<OsStr>>(environment: &Environment, folder: &Path, args: impl IntoIterator<Item = A>) -> Gateway {
        let log = self::folder();
        let stderr = std::fs::File::create(log.path().join("stderr")).expect("a file");
        Gateway::spawn_logging_to(stderr, log, environment, folder, args)
    }

    fn spawn_logging_to<A: AsRef<OsStr>>(
        stderr: std::fs::File,
        log: TempDir,
        environment: &Environment,
        folder: &Path,
        args: impl IntoIterator<Item = A>,
    ) -> Gateway {
        let mut command = command(folder);
        // Tests ask often; those about limits set their own. The port is the system's choice, unless a flag says otherwise.
        command.env("MILEPOST_RATE_LIMITS", "off").env("MILEPOST_LISTEN", "127.0.0.1:0").envs(environment);
        command.args(["serve", "--data", "data"]).args(args);
        let mut child = command.stdout(Stdio::piped()).stderr(stderr).spawn().expect("milepost starts");
        let lines = lines_of(&mut child);
        Gateway { child, lines, announced: Value::Null, log }
    }

    /// The next line on its standard output.
    pub(crate) fn line(&self) -> String {
        self.lines.recv_timeout(patience()).unwrap_or_else(|_| panic!("it said nothing more; its log: {}", self.log()))
    }

    /// What it has logged so far.
    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(self.log.path().join("stderr")).unwrap_or_default()
    }

    /// A client with the key that the gateway announced.
    pub(crate) fn client(&self) -> Client {
        self.client_with(self.announced["test_key"].as_str().expect("a key"))
    }

    /// A client with another key.
    pub(crate) fn client_with(&self, key: &str) -> Client {
        Client::new(self.announced["api"].as_str().expect("an address"), key)
    }

    /// Where it listens.
    pub(crate) fn url(&self) -> &str {
        self.announced["listening"].as_str().expect("an address")
    }

    /// The id of its process.
    #[cfg(target_os = "linux")]
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Sends it a signal by its id.
    pub(crate) fn signal(&self, name: &str) {
        let id = self.child.id().to_string();
        assert!(Command::new("kill").args(["-s", name, &id]).status().expect("kill runs").success());
    }

    /// Kills it at once, and waits for its end.
    pub(crate) fn kill(mut self) {
        self.child.kill().expect("it can be killed");
        assert_eq!(self.wait().code(), None, "it had ended by itself: {}", self.log());
    }

    /// Waits for its end.
    pub(crate) fn wait(&mut self) -> ExitStatus {
        until("the gateway to end", || self.child.try_wait().expect("it is our child"))
    }

    /// Asks it to stop, waits for its end, and gives all that it then has said on standard output, but for what was read of it
    /// before, and logged.
    pub(crate) fn stop_and_hear(mut self) -> (String, String) {
        self.signal("TERM");
        let status = self.wait();
        assert_eq!(status.code(), Some(0), "{}", self.log());
        (self.lines.iter().collect::<Vec<_>>().join("\n"), self.log())
    }

    /// Asks it to stop, and waits for its end.
    pub(crate) fn stop(mut self) {
        self.signal("TERM");
        let status = self.wait();
        assert_eq!(status.code(), Some(0), "{}", self.log());
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        // It is gone already where the test has waited for it.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// A client of a gateway.
pub(crate) struct Client {
    runtime: tokio::runtime::Runtime,
    http: reqwest::Client,
    api: String,
    key: String,
}

impl Client {
    fn new(api: &str, key: &str) -> Client {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        Client { runtime, http: reqwest::Client::new(), api: api.to_owned(), key: key.to_owned() }
    }

    /// The status and the body of an answer.
    pub(crate) fn try_get(&self, path: &str) -> (u16, Value) {
        self.send(self.http.get(format!("{}{path}", self.api)))
    }

    /// The body of a successful answer.
    pub(crate) fn get(&self, path: &str) -> Value {
        let (status, body) = self.try_get(path);
        assert_eq!(status, 200, "{body}");
        body
    }

    /// The text of a successful answer.
    pub(crate) fn get_text(&self, path: &str) -> String {
        let (status, text) = self.send_text(reqwest::Method::GET, path, &[("X-API-Key", &self.key)], "");
        assert_eq!(status, 200, "{text}");
        text
    }

    /// The body of a successful answer.
    pub(crate) fn post(&self, path: &str, body: &Value) -> Value {
        self.done(self.http.post(format!("{}{path}", self.api)).json(body))
    }

    /// Whether a successful answer to a request under an idempotency key was given before, and its body.
    pub(crate) fn post_keyed(&self, path: &str, key: &str, body: &Value) -> (bool, Value) {
        let request = self.http.post(format!("{}{path}", self.api)).json(body);
        let request = request.header("X-API-Key", &self.key).header("Idempotency-Key", key);
        self.runtime.block_on(async {
            let response = request.send().await.expect("an answer");
            assert!(response.status().is_success(), "{path}: {}", response.status());
            let is_replay = response.headers().contains_key("Idempotent-Replayed");
            (is_replay, response.json().await.expect("JSON"))
        })
    }

    /// The body of a successful answer.
    pub(crate) fn patch(&self, path: &str, body: &Value) -> Value {
        self.done(self.http.patch(format!("{}{path}", self.api)).json(body))
    }

    /// The body of a successful answer.
    pub(crate) fn delete(&self, path: &str) -> Value {
        self.done(self.http.delete(format!("{}{path}", self.api)))
    }

    fn done(&self, request: reqwest::RequestBuilder) -> Value {
        let (status, body) = self.send(request);
        assert!((200..300).contains(&status), "{status}: {body}");
        body
    }

    /// The status and the body of an answer.
    pub(crate) fn try_post(&self, path: &str, body: &Value) -> (u16, Value) {
        self.send(self.http.post(format!("{}{path}", self.api)).json(body))
    }

    /// The status and the text of an answer to a request without a key, with these headers and this body.
    pub(crate) fn send_text(
        &self,
        method: reqwest::Method,
        path: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> (u16, String) {
        let request = self.http.request(method, format!("{}{path}", self.api)).body(body.to_owned());
        let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
        self.runtime.block_on(async {
            let response = request.send().await.expect("an answer");
            (response.status().as_u16(), response.text().await.expect("text"))
        })
    }

    /// The status and the text of an answer at another address, to a request without a key.
    pub(crate) fn send_to(&self, method: reqwest::Method, url: &str) -> (u16, String) {
        self.runtime.block_on(async {
            let response = self.http.request(method, url).send().await.expect("an answer");
            (response.status().as_u16(), response.text().await.expect("text"))
        })
    }

    fn send(&self, request: reqwest::RequestBuilder) -> (u16, Value) {
        self.runtime.block_on(async {
            let response = request.header("X-API-Key", &self.key).send().await.expect("an answer");
            let status = response.status().as_u16();
            (status, response.json().await.expect("JSON"))
        })
    }

    /// Creates the intent of the main job, without milestones.
    pub(crate) fn create_intent(&self) -> String {
        let body = json!({
            "amount": "1000.00",
            "currency": "USDC",
            "type": "DELIVERY_VS_PAYMENT",
            "settlementMethod": "OFF_RAMP_MOCK",
            "settlementDestination": "bank_account_123",
            "metadata": {"releaseType": "MILESTONE_LOCKED", "autoRelease": true},
        });
        id(&self.post("/payment-intents", &body))
    }

    /// Adds a milestone.
    pub(crate) fn create_milestone(&self, intent: &str, index: u32, amount: &str) -> String {
        let body = json!({"milestoneIndex": index, "amount": amount});
        id(&self.post(&format!("/payment-intents/{intent}/escrow/milestones"), &body))
    }

    /// Completes a milestone, which releases it.
    pub(crate) fn complete(&self, intent: &str, milestone: &str) {
        let path = format!("/payment-intents/{intent}/escrow/milestones/{milestone}/complete");
        let answer = self.post(&path, &json!({"completedBy": "a test"}));
        assert_eq!(answer["data"]["status"], "RELEASED", "{answer}");
    }

    /// The status of an intent.
    pub(crate) fn status(&self, intent: &str) -> String {
        self.get(&format!("/payment-intents/{intent}"))["status"].as_str().expect("a status").to_owned()
    }

    /// The escrow of an intent.
    pub(crate) fn escrow(&self, intent: &str) -> Value {
        self.get(&format!("/payment-intents/{intent}/escrow"))["data"].clone()
    }
}

fn id(answer: &Value) -> String {
    answer["id"].as_str().expect("an id").to_owned()
}
