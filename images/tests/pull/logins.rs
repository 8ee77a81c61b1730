//! Who pulls: logins of Docker and Podman, and what nobody else sees of them.

use crate::ground::{
    Distribution, MANIFEST, Scratch, image, layer, program, pulled, pulled_as, run, skopeo,
    write_program,
};
use crate::site::{Reply, Request, Site, honest, reply};
use brig_images::credentials::Access;
use brig_images::digest::Digest;
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::process::Command;

/// `correct horse` for `me`, by bcrypt.
const HTPASSWD: &str = "me:$2b$05$cBEc35bc6WoqZ5l8A6f6BuO8YYaMx6OWIbTcGJ.Ne.JkxklWgRnym\n";

/// `me:correct horse` and `me:wrong`, in base64.
const RIGHT: &str = "bWU6Y29ycmVjdCBob3JzZQ==";
const WRONG: &str = "bWU6d3Jvbmc=";

fn guarded(scratch: &Scratch) -> Distribution {
    let passwords = scratch.path("htpasswd");
    fs::write(&passwords, HTPASSWD).unwrap();
    let guard = format!(
        "auth:\n  htpasswd:\n    realm: notes\n    path: {}\n",
        passwords.display()
    );
    let registry = Distribution::start_with(scratch, "", &guard);
    let folder = scratch.path("pushed");
    crate::ground::write_layout(&folder, "x", &image(&[layer("a", b"1")]));
    let to = format!("docker://{}", registry.name("a:1"));
    let from = format!("oci:{}:x", folder.display());
    skopeo(&["--dest-creds=me:correct horse", &from, &to]);
    registry
}

/// Where the logins of a user with these variables are.
fn access(variables: &[(&str, String)]) -> Access {
    let variables: BTreeMap<&str, &String> = variables.iter().map(|(n, v)| (*n, v)).collect();
    Access::of_user(|name| variables.get(name).map(OsString::from))
}

#[test]
fn a_registry_with_passwords_takes_the_logins_of_docker_and_podman() {
    let scratch = Scratch::new();
    let registry = guarded(&scratch);
    let name = registry.name("a:1");
    let server = name.split('/').next().unwrap();
    let told = pulled(&scratch.store(), &name).unwrap_err();
    assert!(
        told.contains("does not let somebody without a login read it"),
        "{told}"
    );
    let home = scratch.path("home");
    let login = |auth: &str| format!(r#"{{"auths": {{"{server}": {{"auth": "{auth}"}}}}}}"#);
    let variables = [("HOME", home.display().to_string())];
    let places = [".docker/config.json", ".config/containers/auth.json"];
    for place in places {
        let file = home.join(place);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(&file, login(WRONG)).unwrap();
        let told = pulled_as(&scratch.store(), &name, &access(&variables)).unwrap_err();
        assert!(told.contains("does not let your login read it"), "{told}");
        assert!(!told.contains("wrong") && !told.contains(WRONG), "{told}");
        fs::write(&file, login(RIGHT)).unwrap();
        let store = scratch.store();
        pulled_as(&store, &name, &access(&variables)).unwrap();
        store.remove(&name).unwrap();
        fs::remove_file(&file).unwrap();
    }
    let elsewhere = scratch.path("logins.json");
    fs::write(&elsewhere, login(RIGHT)).unwrap();
    let variables = [("REGISTRY_AUTH_FILE", elsewhere.display().to_string())];
    pulled_as(&scratch.store(), &name, &access(&variables)).unwrap();
}

#[test]
fn a_program_that_keeps_logins_is_asked() {
    let scratch = Scratch::new();
    let registry = guarded(&scratch);
    let name = registry.name("a:1");
    let server = name.split('/').next().unwrap();
    let folder = scratch.path("docker");
    fs::create_dir_all(&folder).unwrap();
    let variables = [
        ("DOCKER_CONFIG", folder.display().to_string()),
        ("PATH", format!("{}:/usr/bin:/bin", folder.display())),
    ];
    let settings = folder.join("config.json");
    let keeper = folder.join("docker-credential-fake");
    let answer = r#"{"ServerURL":"x","Username":"me","Secret":"correct horse"}"#;
    let right = format!(
        "[ \"$1\" = get ] && [ \"$(cat)\" = {server} ] && echo '{answer}' && echo secret >&2"
    );
    let of_registry = format!(r#"{{"credHelpers": {{"{server}": "fake"}}}}"#);
    let of_all = r#"{"credsStore": "fake"}"#.to_owned();
    let check = |config: &str, text: &str, want: Result<(), &str>| {
        fs::write(&settings, config).unwrap();
        write_program(&keeper, text);
        let store = scratch.store();
        let found = pulled_as(&store, &name, &access(&variables)).map(|_| ());
        match (&found, want) {
            (Ok(()), Ok(())) => drop(store.remove(&name).unwrap()),
            (Err(found), Err(want)) => {
                assert!(found.contains(want) && !found.contains("horse"), "{found}");
            }
            (found, want) => panic!("{found:?}, not {want:?}"),
        }
    };
    check(&of_registry, &right, Ok(()));
    check(&of_all, &right, Ok(()));
    let nothing = "cat >/dev/null; echo credentials not found in native keychain; exit 1";
    check(&of_all, nothing, Err("somebody without a login"));
    check(
        &of_all,
        "echo correct horse; exit 1",
        Err("docker-credential-fake` cannot be read: it failed"),
    );
    check(
        &of_all,
        "echo correct horse",
        Err("its answer is malformed"),
    );
    let missing = of_all.replace("fake", "none");
    check(&missing, &right, Err("it is not in PATH"));
    let path = of_all.replace("fake", "../../bin/x");
    check(&path, &right, Err("no name of a program"));
    // What the program does not know, the file may.
    let both =
        format!(r#"{{"credsStore": "fake", "auths": {{"{server}": {{"auth": "{RIGHT}"}}}}}}"#);
    check(&both, nothing, Ok(()));
    check("{\"auths\": {\"correct horse\"", &right, Err("column"));
}

/// A registry that gives tokens, and whose parts lie with somebody else.
fn with_tokens(storage: u16) -> Site {
    let parts = image(&[layer("a", b"1")]);
    let answer = move |request: &Request| -> Reply {
        let host = request.header("host").unwrap().to_owned();
        if request.path.starts_with("/token?") {
            let basic = format!("Basic {RIGHT}");
            let wanted = "scope=repository%3Aa%3Apull&service=notes%20%26%20more";
            let fits = request.path.contains(wanted);
            return match request.header("authorization") {
                Some(given) if given == basic && fits => reply(200, br#"{"token":"T0KEN"}"#),
                _ => reply(401, b"{}"),
            };
        }
        if request.header("authorization") != Some("Bearer T0KEN") {
            let challenge =
                format!(r#"Bearer realm="http://{host}/token",service="notes & more",scope="x""#);
            return reply(401, b"{}").with("WWW-Authenticate", &challenge);
        }
        if request.path.contains("/blobs/") {
            let to = format!("http://127.0.0.1:{storage}{}", request.path);
            return reply(307, b"").with("Location", &to);
        }
        honest(&parts, MANIFEST, request)
    };
    Site::new(answer)
}

#[test]
fn a_token_is_for_the_registry_and_for_nobody_else() {
    let scratch = Scratch::new();
    let parts = image(&[layer("a", b"1")]);
    let storage = Site::new(move |request| honest(&parts, MANIFEST, request));
    let site = with_tokens(storage.port);
    let name = site.name("a:1");
    let logins = scratch.path("logins.json");
    let server = name.split('/').next().unwrap();
    fs::write(
        &logins,
        format!(r#"{{"auths": {{"{server}": {{"auth": "{RIGHT}"}}}}}}"#),
    )
    .unwrap();
    let variables = [("REGISTRY_AUTH_FILE", logins.display().to_string())];
    pulled_as(&scratch.store(), &name, &access(&variables)).unwrap();
    assert_eq!(site.asked_for("/token").len(), 1);
    let seen = storage.asked();
    assert_eq!(seen.len(), 2);
    for request in seen {
        assert_eq!(request.header("authorization"), None, "{request:?}");
    }
    let told = pulled(&Scratch::new().store(), &name).unwrap_err();
    assert!(told.contains("somebody without a login"), "{told}");
}

#[test]
fn an_identity_is_exchanged_for_a_token() {
    let scratch = Scratch::new();
    let parts = image(&[]);
    let site = Site::new(move |request| {
        let host = request.header("host").unwrap();
        if request.path == "/token" {
            let fits = request.method == "POST"
                && request.body.contains("grant_type=refresh_token")
                && request.body.contains("refresh_token=id%26x");
            let token = br#"{"access_token":"T0KEN"}"#;
            return if fits {
                reply(200, token)
            } else {
                reply(400, b"{}")
            };
        }
        if request.header("authorization") != Some("Bearer T0KEN") {
            let challenge = format!("Bearer realm=\"http://{host}/token\"");
            return reply(401, b"{}").with("WWW-Authenticate", &challenge);
        }
        honest(&parts, MANIFEST, request)
    });
    let name = site.name("a:1");
    let server = name.split('/').next().unwrap();
    let logins = scratch.path("logins.json");
    let login = format!(r#"{{"auths": {{"{server}": {{"identitytoken": "id&x"}}}}}}"#);
    fs::write(&logins, login).unwrap();
    let variables = [("REGISTRY_AUTH_FILE", logins.display().to_string())];
    pulled_as(&scratch.store(), &name, &access(&variables)).unwrap();
}

/// What a registry offers as a way to log in, and what is told of it.
#[track_caller]
fn check_offer(challenge: &str, token: &[u8], want: &str) {
    let (challenge, token) = (challenge.to_owned(), token.to_vec());
    let site = Site::new(move |request| {
        if request.path.starts_with("/token") {
            return reply(200, &token);
        }
        let host = request.header("host").unwrap();
        let challenge = challenge.replace("HOST", host);
        reply(401, b"{}").with("WWW-Authenticate", &challenge)
    });
    let told = pulled(&Scratch::new().store(), &site.name("a:1")).unwrap_err();
    assert!(told.contains(want) && !told.contains("T0KEN"), "{told}");
}

#[test]
fn a_login_that_leads_elsewhere_is_refused() {
    let own = "Bearer realm=\"http://HOST/token\"";
    check_offer("Negotiate", b"", "does not know (negotiate)");
    check_offer(
        "Bearer realm=\"http://198.51.100.1/t\"",
        b"",
        "which is not encrypted",
    );
    check_offer(
        "Bearer realm=\"file:///etc/passwd\"",
        b"",
        "which is no address",
    );
    check_offer("Bearer realm=\"/token\"", b"", "which is no address");
    check_offer("Bearer", b"", "which is no address");
    check_offer(own, b"T0KEN", "its token is malformed");
    check_offer(own, b"{}", "there is no token");
    check_offer(own, b"{\"token\":\"T0KEN\\r\\nX: y\"}", "there is no token");
    check_offer(
        own,
        &vec![b' '; 300_000],
        "token has more than 262144 bytes",
    );
    check_offer(own, b"{\"token\":\"T0KEN\"}", "somebody without a login");
    check_offer("Basic realm=\"x\"", b"", "somebody without a login");
}

/// Runs a pull in a process of its own, with this file as the host's authorities.
fn pulled_with_authorities(scratch: &Scratch, name: &str, authorities: &str) -> String {
    let mut child = crate::crash::child("pull", &scratch.path("store"), name);
    child
        .env_remove("SSL_CERT_DIR")
        .env("SSL_CERT_FILE", authorities);
    let output = child.output().unwrap();
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// A key and a certificate beside it, made by OpenSSL with these words more.
fn certificate(scratch: &Scratch, name: &str, more: &[&str]) -> String {
    let path = |end: &str| scratch.path(&format!("{name}.{end}")).display().to_string();
    let (key, certificate) = (path("key"), path("pem"));
    let fixed = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2";
    let mut openssl = Command::new(program("openssl"));
    openssl.args(fixed.split(' ')).args(more);
    let subject = format!("/CN={name}");
    run(openssl.args(["-subj", &subject, "-keyout", &key, "-out", &certificate]));
    certificate
}

#[test]
fn a_certificate_needs_an_authority_of_this_host() {
    let scratch = Scratch::new();
    let authority = certificate(&scratch, "authority", &[]);
    let key = authority.replace(".pem", ".key");
    let ends = "basicConstraints=critical,CA:FALSE";
    let names = "subjectAltName=IP:127.0.0.1";
    let signed = [
        "-CA", &authority, "-CAkey", &key, "-addext", ends, "-addext", names,
    ];
    let server = certificate(&scratch, "server", &signed);
    let key = server.replace(".pem", ".key");
    let tls = format!("  tls:\n    certificate: {server}\n    key: {key}\n");
    let registry = Distribution::start_with(&scratch, &tls, "");
    registry.push(&scratch, "a:1", &image(&[layer("a", b"1")]));
    let name = registry.name("a:1");
    let told = pulled_with_authorities(&scratch, &name, &authority);
    assert!(told.contains("pulled sha256:"), "{told}");
    let other = certificate(&scratch, "other", &[]);
    let told = pulled_with_authorities(&scratch, &name, &other);
    let want = format!(
        "the certificate of 127.0.0.1:{} is not trusted",
        registry.port
    );
    assert!(
        told.contains(&want) && told.contains("SSL_CERT_FILE"),
        "{told}"
    );
    let none = scratch.path("none.pem");
    fs::write(&none, "").unwrap();
    let told = pulled_with_authorities(&scratch, &name, none.to_str().unwrap());
    assert!(told.contains("no certificates of authorities"), "{told}");
}

#[test]
fn what_is_secret_is_not_shown() {
    let scratch = Scratch::new();
    let logins = scratch.path("logins.json");
    fs::write(
        &logins,
        format!(r#"{{"auths": {{"r": {{"auth": "{RIGHT}"}}}}}}"#),
    )
    .unwrap();
    let variables = [("REGISTRY_AUTH_FILE", logins.display().to_string())];
    let shown = format!("{:?}", access(&variables));
    assert!(
        shown.contains("logins.json") && !shown.contains(RIGHT),
        "{shown}"
    );
    let parts = image(&[]);
    let other = Digest::of(&parts.manifest);
    assert_ne!(other, Digest::of(b""));
}
