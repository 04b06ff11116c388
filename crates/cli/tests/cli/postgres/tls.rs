//! What is said between gateway and database, encrypted.

use cluster::{Certificate, Cluster, Settings};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use tempfile::TempDir;

use super::{run, start};
use crate::harness::{assert_failed, folder};

/// Somebody who signs certificates.
struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
}

impl Authority {
    fn new(name: &str) -> Authority {
        let mut params = CertificateParams::new(Vec::<String>::new()).expect("parameters");
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().expect("a key");
        Authority { issuer: CertifiedIssuer::self_signed(params, key).expect("a certificate") }
    }

    /// A certificate for this name.
    fn certificate(&self, name: &str) -> Certificate {
        let key = KeyPair::generate().expect("a key");
        let params = CertificateParams::new([name.to_owned()]).expect("parameters");
        let signed = params.signed_by(&key, &self.issuer).expect("a certificate");
        Certificate { chain_pem: signed.pem(), key_pem: key.serialize_pem() }
    }

    /// Writes the authority's own certificate into a file.
    fn write(&self, folder: &TempDir, name: &str) -> String {
        let path = folder.path().join(name);
        std::fs::write(&path, self.issuer.pem()).expect("written");
        path.to_str().expect("a path").to_owned()
    }
}

fn cluster(authority: &Authority) -> Option<Cluster> {
    Settings::default().certificate(authority.certificate("localhost")).for_test()
}

/// The address under this name, with more parameters.
fn address(url: &str, host: &str, parameters: &str) -> String {
    let between = if url.contains('?') { "&" } else { "?" };
    format!("{}{between}{parameters}", url.replace("127.0.0.1", host))
}

#[test]
fn only_the_database_that_was_meant_is_talked_to() {
    let authority = Authority::new("Ours");
    let Some(cluster) = cluster(&authority) else { return };
    let database = cluster.create_database();
    let folder = folder();
    let ours = authority.write(&folder, "ours.pem");
    let others = Authority::new("Others").write(&folder, "others.pem");
    let migrate =
        |host: &str, parameters: &str| run(folder.path(), &address(database.url(), host, parameters), &["migrate"]);

    for (host, parameters) in [
        ("localhost", format!("sslmode=verify-full&sslrootcert={ours}")),
        ("localhost", format!("sslrootcert={ours}")),
        ("localhost", "sslmode=require".to_owned()),
        ("127.0.0.1", "sslmode=require".to_owned()),
        ("127.0.0.1", "sslmode=disable".to_owned()),
    ] {
        let output = migrate(host, &parameters);
        assert!(output.status.success(), "{host} {parameters}: {}", crate::harness::stderr(&output));
    }
    for (host, parameters, complaint) in [
        ("localhost", format!("sslmode=verify-full&sslrootcert={others}"), "UnknownIssuer"),
        ("localhost", "sslmode=verify-full".to_owned(), "certificate"),
        ("127.0.0.1", format!("sslrootcert={ours}"), "certificate not valid for name"),
        ("localhost", "sslrootcert=/nowhere/ca.pem".to_owned(), "sslrootcert: /nowhere/ca.pem"),
    ] {
        assert_failed(&migrate(host, &parameters), 3, complaint);
    }
}

#[test]
fn a_gateway_is_encrypted_in_all_it_says() {
    let authority = Authority::new("Ours");
    let Some(cluster) = cluster(&authority) else { return };
    let database = cluster.create_database();
    let folder = folder();
    let parameters = format!("sslrootcert={}", authority.write(&folder, "ca.pem"));
    let gateway = start(folder.path(), &address(database.url(), "localhost", &parameters), &["--migrate"]);
    gateway.client().create_intent();
    let encrypted = "SELECT bool_and(ssl), count(*) > 0 FROM pg_stat_ssl JOIN pg_stat_activity USING (pid)
        WHERE application_name = 'milepost'";
    assert_eq!(database.sql(encrypted).trim(), "t|t");
}

#[test]
fn a_database_without_tls_is_not_talked_to_where_it_was_asked_for() {
    let Some(database) = cluster::Database::fresh() else { return };
    let folder = folder();
    let url = address(database.url(), "127.0.0.1", "sslmode=require");
    assert_failed(&run(folder.path(), &url, &["migrate"]), 3, "server does not support TLS");
}
