//! The description of the API.

use std::collections::BTreeSet;

use crate::described::DESCRIPTION;

const METHODS: [&str; 5] = ["get", "post", "put", "patch", "delete"];

/// Every route of the table, and nothing else, is described.
#[test]
fn the_description_has_the_routes_of_the_table() {
    let described: BTreeSet<(String, String)> = DESCRIPTION["paths"]
        .as_object()
        .expect("paths")
        .iter()
        .flat_map(|(path, item)| {
            let methods = METHODS.iter().filter(|method| item.get(**method).is_some());
            methods.map(|method| (method.to_uppercase(), path.clone()))
        })
        .collect();
    let table = server::routes().into_iter().map(|route| (route.method.to_string(), route.path)).collect();
    assert_eq!(described, table);
}

#[test]
fn operations_have_names_of_their_own() {
    let mut seen = BTreeSet::new();
    for item in DESCRIPTION["paths"].as_object().expect("paths").values() {
        for operation in METHODS.iter().filter_map(|method| item.get(*method)) {
            let id = operation["operationId"].as_str().expect("a name");
            assert!(seen.insert(id), "{id} twice");
        }
    }
}
