#!/usr/bin/env python3
"""Several gateways on one database, under load and under faults; afterwards everything that was answered is there once.

usage: run.py MILEPOST SECONDS [GATEWAYS] [SEED]      MILEPOST_TEST_POSTGRES: the address of a server whose user may create databases

Clients create intents, complete, refund and cancel, each write under an idempotency key, at any gateway; now and then the same write goes
to two gateways at once, and whatever gets no answer is sent again to any. Meanwhile gateways are killed and stopped for a while, connections
are cut on the way and by the server. Needs nothing but Python and psql.
"""
import http.client, json, os, random, signal, socket, subprocess, sys, tempfile, threading, time, uuid

MILEPOST, SECONDS = os.path.abspath(sys.argv[1]), float(sys.argv[2])
GATEWAYS = int(sys.argv[3]) if len(sys.argv) > 3 else 2
SEED = int(sys.argv[4]) if len(sys.argv) > 4 else random.SystemRandom().randrange(1 << 32)
ADMIN = os.environ["MILEPOST_TEST_POSTGRES"]
CLIENTS, KEY, ANSWER_WITHIN_S, GIVE_UP_S = 8, "sk_test_gateways", 20, 120
work = tempfile.mkdtemp(prefix="milepost-gateways-")
database = f"gateways_{uuid.uuid4().hex[:12]}"


def psql(url, sql):
    done = subprocess.run(["psql", "-XAtq", "-v", "ON_ERROR_STOP=1", "-c", sql, url], capture_output=True, text=True, timeout=60)
    if done.returncode:
        raise SystemExit(f"psql: {done.stderr.strip()}")
    return done.stdout.strip()


def address_of(url):
    host, _, port = url.split("@")[-1].split("//")[-1].split("/")[0].rpartition(":")
    return host, int(port)


def at(url, name=None, port=None):
    """The same address with another database, or at another port of this machine."""
    before, _, _ = url.rpartition("/")
    if port:
        before = before.replace("%s:%d" % address_of(url), f"127.0.0.1:{port}")
    return f"{before}/{name}"


class Cutter:
    """Passes on connections to the database, until they are cut."""

    def __init__(self, target):
        self.target, self.open, self.listener = target, set(), socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            client = self.listener.accept()[0]
            try:
                server = socket.create_connection(self.target)
            except OSError:
                client.close()
                continue
            self.open |= {client, server}
            for a, b in ((client, server), (server, client)):
                threading.Thread(target=self.pump, args=(a, b), daemon=True).start()

    def pump(self, a, b):
        try:
            while data := a.recv(1 << 16):
                b.sendall(data)
        except OSError:
            pass
        for end in (a, b):
            self.open.discard(end)
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def cut(self):
        for end in list(self.open):
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass


class Gateway:
    def __init__(self, number):
        self.number, self.cutter = number, Cutter(address_of(ADMIN))
        with socket.create_server(("127.0.0.1", 0)) as chosen:
            self.port = chosen.getsockname()[1]
        self.start()

    def start(self):
        arguments = ["serve", "--listen", f"127.0.0.1:{self.port}", "--database-url", at(ADMIN, database, self.cutter.port), "--migrate",
                     "--secret-file", f"{work}/secret.key", "--test-key", KEY, "--settlement-delay", "1s", "--block-time", "100ms",
                     "--rate-limits", "off", "--database-lock-timeout", "2s", "--database-statement-timeout", "5s", "--json"]
        self.log = open(f"{work}/gateway-{self.number}.log", "a")
        self.process = subprocess.Popen([MILEPOST, *arguments], cwd=work, stdout=subprocess.PIPE, stderr=self.log)
        return bool(self.process.stdout.readline())

    def kill(self):
        self.process.kill()
        self.process.wait()
        while not self.start():
            self.process.wait()
            time.sleep(0.2)

    def stop_for(self, seconds):
        os.kill(self.process.pid, signal.SIGSTOP)
        time.sleep(seconds)
        os.kill(self.process.pid, signal.SIGCONT)

    def ask(self, method, path, key=None, body=None):
        """The status and the bytes of the answer; `None` where there was none."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=ANSWER_WITHIN_S)
        headers = {"X-API-Key": KEY, "Content-Type": "application/json"} | ({"Idempotency-Key": key} if key else {})
        try:
            connection.request(method, f"/v1{path}", body, headers)
            response = connection.getresponse()
            return response.status, response.read()
        except (OSError, http.client.HTTPException):
            return None
        finally:
            connection.close()


class Tally:
    def __init__(self):
        self.lock, self.counts, self.answers, self.problems = threading.Lock(), {}, {}, []

    def count(self, what, by=1):
        with self.lock:
            self.counts[what] = self.counts.get(what, 0) + by

    def problem(self, what):
        with self.lock:
            self.problems.append(what)


gateways, tally, over = [], Tally(), threading.Event()


def until_answered(chance, method, path, key=None, body=None):
    """Asks any gateway until there is an answer."""
    give_up = time.monotonic() + GIVE_UP_S
    while time.monotonic() < give_up:
        answer = chance.choice(gateways).ask(method, path, key, body)
        if answer is None:
            tally.count("unanswered")
        elif answer[0] == 503 or (answer[0] == 409 and b"idempotency" in answer[1]):
            tally.count("told to come again")
        else:
            if answer[0] >= 500:
                tally.problem(f"{method} {path} was answered {answer[0]}: {answer[1][:300]}")
            return answer
        time.sleep(0.05)
    tally.problem(f"{method} {path} got no answer in {GIVE_UP_S} s")
    return None


def write(chance, path, body):
    """A write, now and then at two gateways at once; what it answered is remembered."""
    key, body = f"key-{uuid.UUID(int=chance.getrandbits(128))}", json.dumps(body)
    answers, ask = [], lambda seed: answers.append(until_answered(random.Random(seed), "POST", path, key, body))
    asking = [threading.Thread(target=ask, args=(chance.random(),)) for _ in range(2 if chance.random() < 0.2 else 1)]
    [thread.start() for thread in asking]
    [thread.join() for thread in asking]
    if None in answers or any(answer != answers[0] for answer in answers):
        tally.problem(f"{path} under {key} was answered differently: {answers}")
        return {}
    status, answer = answers[0]
    with tally.lock:
        tally.answers[key] = (path, body, status, answer)
    tally.count("writes")
    return json.loads(answer) if status < 300 else {}


def story(chance):
    shares = [{"milestoneIndex": index, "amount": amount} for index, amount in enumerate(["300.00", "500.00", "200.00"])]
    intent = {"amount": "1000.00", "currency": "USDC", "type": "DELIVERY_VS_PAYMENT", "settlementMethod": "OFF_RAMP_MOCK",
              "settlementDestination": "acct", "metadata": {"releaseType": "MILESTONE_LOCKED", "autoRelease": True}, "milestones": shares}
    made = write(chance, "/payment-intents", intent)
    if not made:
        return tally.problem("an intent was not made")
    path = f"/payment-intents/{made['id']}"
    tally.count("intents")
    if chance.random() < 0.1:
        return tally.count("cancelled", 1 if write(chance, f"{path}/cancel", {}) else 0)
    looked = until_answered(chance, "GET", f"{path}/escrow")
    milestones = [milestone["id"] for milestone in json.loads(looked[1])["data"]["milestones"]] if looked else []
    is_refunded = chance.random() < 0.2
    for milestone in milestones[: 1 if is_refunded else 3]:
        proof = {"completedBy": "worker", "completionProof": "done"}
        tally.count("completed", 1 if write(chance, f"{path}/escrow/milestones/{milestone}/complete", proof) else 0)
    if is_refunded:
        tally.count("refunded", 1 if write(chance, f"{path}/refund", {"amount": "100.00"}) else 0)


def client(seed):
    chance = random.Random(seed)
    while not over.is_set():
        try:
            story(chance)
        except Exception as error:  # a client that dies must be seen
            tally.problem(f"a client failed: {error!r}")


def make_faults(chance):
    end, was_frozen_long = time.monotonic() + SECONDS, False
    while (left := end - time.monotonic()) > 0:
        gateway = chance.choice(gateways)
        if not was_frozen_long and SECONDS >= 200 and left < SECONDS * 0.7:
            was_frozen_long = True
            gateway.stop_for(70)  # past every lease
            tally.count("fault: stopped past its leases")
        elif (dice := chance.random()) < 0.25:
            gateway.kill()
            tally.count("fault: killed")
        elif dice < 0.5:
            gateway.stop_for(chance.uniform(0.5, 6))
            tally.count("fault: stopped")
        elif dice < 0.75:
            gateway.cutter.cut()
            tally.count("fault: connections cut")
        else:
            psql(ADMIN, f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{database}'")
            tally.count("fault: all backends terminated")
        time.sleep(chance.uniform(0.2, 1.5))


def number_of(sql):
    return int(psql(at(ADMIN, database), sql))


def check(chance):
    """Everything that was answered, once."""
    counts, answers = tally.counts, tally.answers
    for key, (path, body, status, answer) in answers.items():
        again = until_answered(chance, "POST", path, key, body)
        if again != (status, answer):
            tally.problem(f"{path} under {key} was answered {status} {answer[:200]}, and later {again}")
    give_up = time.monotonic() + 60
    while number_of("SELECT count(*) FROM jobs WHERE duty < 4") and time.monotonic() < give_up:
        time.sleep(0.5)
    lost = doubled = 0
    for what, sql in {
        "intents": "SELECT count(*) FROM escrows",
        "completed": "SELECT count(*) FROM transfers WHERE kind = 'release'",
        "completed and paid out": "SELECT count(*) FROM transfers WHERE kind = 'settle'",
        "refunded": "SELECT count(*) FROM transfers WHERE kind IN ('refund', 'refund payable')",
        "writes": "SELECT count(*) FROM replies",
    }.items():
        expected, found = counts.get(what.split(" and ")[0], 0), number_of(sql)
        lost, doubled = lost + max(0, expected - found), doubled + max(0, found - expected)
        if expected != found:
            tally.problem(f"{what}: {expected} were answered, {found} are there")
    verified = subprocess.run([MILEPOST, "verify", "--json", "--database-url", at(ADMIN, database)], capture_output=True, text=True, timeout=300)
    if verified.returncode:
        tally.problem(f"verify: {verified.stdout[:2000]} {verified.stderr[:500]}")
    return lost, doubled


def main():
    chance = random.Random(SEED)
    psql(ADMIN, f"CREATE DATABASE {database}")
    try:
        gateways.extend(Gateway(number) for number in range(GATEWAYS))
        clients = [threading.Thread(target=client, args=(chance.random(),)) for _ in range(CLIENTS)]
        [thread.start() for thread in clients]
        make_faults(chance)
        over.set()
        [thread.join() for thread in clients]
        lost, doubled = check(chance)
    finally:
        over.set()
        for gateway in gateways:
            gateway.process.kill()
            gateway.process.wait()
        psql(ADMIN, f"DROP DATABASE {database} WITH (FORCE)")
    counts = ", ".join(f"{name} {count}" for name, count in sorted(tally.counts.items()))
    print(f"{GATEWAYS} gateways for {SECONDS:.0f} s, seed {SEED}: {counts}; lost {lost}, doubled {doubled}")
    for problem in tally.problems[:20]:
        print(f"  {problem}")
    if tally.problems:
        sys.exit(f"{len(tally.problems)} problems; the logs are in {work}")
    subprocess.run(["rm", "-rf", work], check=True)


main()
