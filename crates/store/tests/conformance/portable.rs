//! The statements for PostgreSQL are read for anything that databases which speak its language might not have: every word of SQL and
//! every function must be one of those below.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// The words that the statements may use. All are of the SQL standard, or of what PostgreSQL-compatible databases have alike:
/// `ON CONFLICT`, `RETURNING`, `LIMIT`, `FOR UPDATE OF … SKIP LOCKED`, `USING` in a `DELETE`, the names of types and settings.
const WORDS: &str = "
    ALL AND ANY ARRAY AS BEGIN BETWEEN BIGINT BOOLEAN BY BYTEA CASE CAST CHECK COMMIT COMMITTED CONFLICT CREATE CROSS DELETE
    DO ELSE END EXISTS FALSE FOR FROM GROUP IF IN INDEX INSERT INTO IS ISOLATION JOIN KEY LATERAL LEFT LEVEL LIMIT LOCAL
    LOCKED NOT NOTHING NULL OF OFFSET ON ONLY OR ORDER PRIMARY READ REPEATABLE RETURNING ROLLBACK SELECT SEQUENCE SET SKIP
    TABLE TEXT THEN TRUE UNION UNIQUE UPDATE USING VALUES WHEN WHERE WITH ";

/// The functions that they may call.
const FUNCTIONS: &str = "
    coalesce count decode encode extract generate_series greatest max min nextval now octet_length sum unnest current_setting 
    substring ";

/// What a statement begins with.
const VERBS: [&str; 10] =
    ["SELECT ", "INSERT ", "UPDATE ", "DELETE ", "WITH ", "BEGIN", "COMMIT", "ROLLBACK", "CREATE ", "SET LOCAL "];

/// Words that no statement may have, whatever else it has: each is a door to what is PostgreSQL's alone.
const NEVER: [&str; 12] = [
    "pg_",
    "advisory",
    "LISTEN",
    "NOTIFY",
    "plpgsql",
    "EXTENSION",
    "TRIGGER",
    "ctid",
    "xmin",
    "DISTINCT ON",
    "SERIAL",
    "jsonb",
];

fn sources() -> Vec<(PathBuf, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut found = Vec::new();
    for folder in ["postgres", "postgres/migrations", "rows"] {
        for entry in std::fs::read_dir(root.join(folder)).expect("a folder") {
            let path = entry.expect("a file").path();
            if path.is_file() {
                let text = std::fs::read_to_string(&path).expect("a text");
                found.push((path, text));
            }
        }
    }
    assert!(found.len() > 15, "the sources are there");
    found
}

/// The statements of a file: all of an SQL file, and the texts of a program that look like SQL.
fn statements(path: &Path, text: &str) -> Vec<String> {
    if path.extension().is_some_and(|extension| extension == "sql") {
        let lines = text.lines().map(|line| line.split("--").next().unwrap_or_default());
        return vec![lines.collect::<Vec<_>>().join("\n")];
    }
    let program = text.split("#[cfg(test)]").next().unwrap_or_default();
    let code: Vec<&str> = program.lines().filter(|line| !line.trim_start().starts_with("//")).collect();
    let code = code.join("\n");
    // Every other piece between quotes is a text; none of these files has a quote within one.
    let texts = code.split('"').skip(1).step_by(2).map(str::trim);
    texts.filter(|text| is_sql(text)).map(str::to_owned).collect()
}

fn is_sql(text: &str) -> bool {
    let has_words = text.split(|c: char| !c.is_ascii_alphabetic()).any(|word| {
        word.len() > 1
            && word.chars().all(|c| c.is_ascii_uppercase())
            && WORDS.split_whitespace().any(|known| known == word)
    });
    VERBS.iter().any(|verb| text.starts_with(verb)) || (has_words && text.contains(' '))
}

/// The words in capitals, and the names before an opening bracket. Texts within the statement are left out.
fn words(statement: &str) -> (BTreeSet<String>, BTreeSet<String>) {
    let bare: String = statement.split('\'').step_by(2).collect::<Vec<_>>().join(" ");
    // What stands in braces is put together elsewhere, of texts that are read as well.
    let bare: String = bare.split('{').map(|piece| piece.split_once('}').map_or(piece, |(_, rest)| rest)).collect();
    let (mut words, mut functions) = (BTreeSet::new(), BTreeSet::new());
    let mut rest = bare.as_str();
    while let Some(start) = rest.find(|c: char| c.is_ascii_alphabetic() || c == '_') {
        rest = &rest[start..];
        let end = rest.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).unwrap_or(rest.len());
        let (word, behind) = rest.split_at(end);
        if word.len() > 1 && word.chars().all(|c| c.is_ascii_uppercase()) {
            words.insert(word.to_owned());
        } else if behind.starts_with('(') {
            functions.insert(word.to_owned());
        }
        rest = behind;
    }
    (words, functions)
}

#[test]
fn statements_use_what_compatible_databases_have_alike() {
    let known_words: BTreeSet<&str> = WORDS.split_whitespace().collect();
    let known_functions: BTreeSet<&str> = FUNCTIONS.split_whitespace().collect();
    let (mut count, mut used) = (0, BTreeSet::new());
    for (path, text) in sources() {
        for statement in statements(&path, &text) {
            count += 1;
            let (words, functions) = words(&statement);
            used.extend(words.iter().cloned().chain(functions.iter().map(|name| name.to_lowercase())));
            for word in words {
                assert!(known_words.contains(word.as_str()), "{word} in {}: {statement}", path.display());
            }
            for function in functions {
                let is_known = known_functions.contains(function.to_lowercase().as_str());
                assert!(is_known, "{function}() in {}: {statement}", path.display());
            }
            for word in NEVER {
                assert!(!statement.contains(word), "{word} in {}: {statement}", path.display());
            }
        }
    }
    assert!(count > 60, "{count} statements were found");
    let unused: Vec<&&str> = known_words.iter().chain(&known_functions).filter(|word| !used.contains(**word)).collect();
    assert!(unused.is_empty(), "no statement has any more: {unused:?}");
}

#[test]
fn what_is_not_portable_is_noticed() {
    let (words, functions) = words("SELECT pg_notify('x', a), f (b) FROM t TABLESAMPLE SYSTEM (1) WHERE x = 'LISTEN'");
    assert!(words.contains("TABLESAMPLE") && functions.contains("pg_notify") && !words.contains("LISTEN"));
    let program = "// \"SELECT a\"\nlet sql = \"SELECT b\n FROM c\";\nlet other = \"no statement\";";
    assert_eq!(statements(Path::new("a.rs"), program), ["SELECT b\n FROM c"]);
}
