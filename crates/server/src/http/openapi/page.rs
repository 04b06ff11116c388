//! The description as a page for people: plain HTML with its style inside, without scripts and without anything from elsewhere.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use super::document::GATEWAY;
use super::field::EMPTY;

const STYLE: &str = include_str!("page.css");

/// The methods that a path can have, in the order in which they are shown.
const METHODS: [&str; 4] = ["get", "post", "patch", "delete"];

/// How deep fields inside fields are shown.
const MAX_DEPTH: usize = 3;

/// A policy under which the page can show itself in its style, and nothing else.
pub(super) fn policy() -> String {
    let hash = STANDARD.encode(Sha256::digest(STYLE));
    format!(
        "default-src 'none'; style-src 'sha256-{hash}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
}

/// A method of a path.
struct Operation<'d> {
    method: &'d str,
    path: &'d str,
    said: &'d Value,
    /// Where it answers as well.
    aliases: Vec<&'d str>,
}

impl<'d> Operation<'d> {
    fn id(&self) -> &'d str {
        text(&self.said["operationId"])
    }

    fn label(&self) -> String {
        let method = self.method.to_ascii_uppercase();
        format!("<span class=\"method {}\">{method}</span>", self.method)
    }
}

/// The page of a description.
pub(super) fn render(document: &Value) -> String {
    let page = Page { document };
    let areas = page.areas();
    let mut html = format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<title>Milepost API</title>\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<style>{STYLE}</style>\n</head>\n<body>\n\
         <a class=\"skip\" href=\"#content\">Skip to the content</a>\n<div class=\"frame\">\n"
    );
    html.push_str(&navigation(&areas));
    html.push_str("<main id=\"content\">\n");
    html.push_str(&page.introduction());
    for (area, operations) in &areas {
        push(&mut html, format_args!("<section>\n<h2 id=\"{}\">{}</h2>\n", anchor(area), escaped(area)));
        operations.iter().for_each(|operation| html.push_str(&page.operation(operation)));
        html.push_str("</section>\n");
    }
    html.push_str("</main>\n</div>\n</body>\n</html>\n");
    html
}

/// Writing to a text cannot fail.
fn push(html: &mut String, what: std::fmt::Arguments<'_>) {
    let _ = html.write_fmt(what);
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn anchor(area: &str) -> String {
    format!("area-{}", area.to_lowercase().replace(' ', "-"))
}

/// A text as it is shown.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

/// A text with `code` in it.
fn inline(text: &str) -> String {
    let parts = text.split('`').enumerate();
    parts
        .map(|(place, part)| if place % 2 == 1 { format!("<code>{}</code>", escaped(part)) } else { escaped(part) })
        .collect()
}

fn paragraphs(text: &str) -> String {
    text.split("\n\n").filter(|text| !text.is_empty()).map(|text| format!("<p>{}</p>\n", inline(text))).collect()
}

type Areas<'d> = Vec<(&'d str, Vec<Operation<'d>>)>;

fn navigation(areas: &Areas<'_>) -> String {
    let mut html =
        "<nav aria-label=\"Operations\">\n<div class=\"sticky\">\n<p class=\"name\">Milepost API</p>\n".to_owned();
    for (area, operations) in areas {
        push(&mut html, format_args!("<details>\n<summary>{}</summary>\n<ul>\n", escaped(area)));
        for operation in operations {
            let (id, summary) = (operation.id(), escaped(text(&operation.said["summary"])));
            push(&mut html, format_args!("<li><a href=\"#{id}\">{}{summary}</a></li>\n", operation.label()));
        }
        html.push_str("</ul>\n</details>\n");
    }
    html.push_str("</div>\n</nav>\n");
    html
}

struct Page<'d> {
    document: &'d Value,
}

impl<'d> Page<'d> {
    /// The operations by area, aliases under what they are aliases of.
    fn areas(&self) -> Areas<'d> {
        let mut aliases: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        let mut areas: Areas<'d> = Vec::new();
        for (path, item) in self.document["paths"].as_object().into_iter().flatten() {
            for (method, said) in METHODS.into_iter().filter_map(|method| Some((method, item.get(method)?))) {
                if let Some(original) = text(&said["operationId"]).strip_suffix("Alias") {
                    aliases.entry(original).or_default().push(path);
                    continue;
                }
                let area = text(&said["tags"][0]);
                let operation = Operation { method, path, said, aliases: Vec::new() };
                match areas.iter_mut().find(|(name, _)| *name == area) {
                    Some((_, operations)) => operations.push(operation),
                    None => areas.push((area, vec![operation])),
                }
            }
        }
        for operation in areas.iter_mut().flat_map(|(_, operations)| operations) {
            operation.aliases = aliases.remove(operation.id()).unwrap_or_default();
        }
        // What the gateway says of itself comes last.
        areas.sort_by_key(|(area, _)| *area == GATEWAY);
        areas
    }

    fn introduction(&self) -> String {
        let info = &self.document["info"];
        let mut html = format!(
            "<h1>Milepost API</h1>\n<p class=\"soft\">Version {}. For programs: <a href=\"openapi.json\">openapi.json</a>, OpenAPI 3.1.</p>\n",
            escaped(text(&info["version"]))
        );
        html.push_str(&paragraphs(text(&info["description"])));
        html.push_str("<h2 id=\"authentication\">Authentication</h2>\n<div class=\"wide\"><table>\n");
        for (name, scheme) in self.document["components"]["securitySchemes"].as_object().into_iter().flatten() {
            let how = match scheme["name"].as_str() {
                Some(header) => format!("<code>{}: …</code>", escaped(header)),
                None => format!("<code>Authorization: {} …</code>", escaped(name)),
            };
            push(&mut html, format_args!("<tr><td>{how}</td><td>{}</td></tr>\n", inline(text(&scheme["description"]))));
        }
        html.push_str("</table></div>\n<h2 id=\"errors\">Errors</h2>\n<div class=\"wide\"><table>\n");
        for (code, response) in self.document["components"]["responses"].as_object().into_iter().flatten() {
            let about = text(&response["description"]);
            let about = about.strip_prefix(&format!("`{code}`: ")).unwrap_or(about);
            push(
                &mut html,
                format_args!("<tr><td><code>{}</code></td><td>{}</td></tr>\n", escaped(code), inline(about)),
            );
        }
        html.push_str("</table></div>\n");
        html
    }

    fn operation(&self, operation: &Operation<'d>) -> String {
        let said = operation.said;
        let mut html = format!(
            "<article id=\"{}\">\n<h3>{}</h3>\n<code class=\"route\">{} {}</code>\n",
            operation.id(),
            escaped(text(&said["summary"])),
            operation.label(),
            escaped(operation.path)
        );
        for alias in &operation.aliases {
            push(&mut html, format_args!("<p class=\"also\">Also at <code>{}</code></p>\n", escaped(alias)));
        }
        html.push_str(&paragraphs(text(&said["description"])));
        html.push_str(&self.parameters(operation));
        let body = &said["requestBody"]["content"]["application/json"];
        html.push_str(&table("Body", &self.fields(&body["schema"], "", 0)));
        html.push_str(&self.example(operation, &body["examples"]["example"]["value"]));
        html.push_str(&self.answers(&said["responses"]));
        html.push_str("</article>\n");
        html
    }

    fn parameters(&self, operation: &Operation<'d>) -> String {
        let of_path = self.document["paths"][operation.path]["parameters"].as_array().into_iter().flatten();
        let own = operation.said["parameters"].as_array().into_iter().flatten();
        let rows = of_path.chain(own).map(|param| Row {
            name: text(&param["name"]).to_owned(),
            must: match text(&param["in"]) {
                "path" => "in the path",
                "header" => "header",
                _ => "query",
            },
            kind: self.kind(&param["schema"]),
            about: text(&param["description"]).to_owned(),
        });
        table("Parameters", &rows.collect::<Vec<_>>())
    }

    /// What a reference stands for.
    fn resolved(&self, schema: &'d Value) -> &'d Value {
        let target = schema["$ref"].as_str().and_then(|reference| self.document.pointer(reference.strip_prefix('#')?));
        target.unwrap_or(schema)
    }

    /// The fields of an object, and those inside them.
    fn fields(&self, schema: &'d Value, at: &str, depth: usize) -> Vec<Row> {
        let schema = self.resolved(schema);
        if let Some(ways) = schema["anyOf"].as_array() {
            return ways.iter().flat_map(|way| self.fields(way, at, depth)).collect();
        }
        if schema["items"].is_object() {
            return self.fields(&schema["items"], &format!("{at}[]"), depth);
        }
        let Some(properties) = schema["properties"].as_object().filter(|_| depth < MAX_DEPTH) else {
            return Vec::new();
        };
        let required = schema["required"].as_array();
        let mut rows = Vec::new();
        for (name, property) in properties {
            let whole = if at.is_empty() { name.clone() } else { format!("{at}.{name}") };
            let is_required = required.is_some_and(|names| names.iter().any(|required| required == name));
            rows.push(Row {
                name: whole.clone(),
                must: if is_required { "required" } else { "" },
                kind: self.kind(property),
                about: text(&property["description"]).to_owned(),
            });
            rows.extend(self.fields(property, &whole, depth + 1));
        }
        rows
    }

    /// What may stand in a field, in a few words.
    fn kind(&self, schema: &'d Value) -> String {
        let schema = self.resolved(schema);
        if let Some(only) = schema.get("const") {
            return format!("`{}`", only.as_str().map_or_else(|| only.to_string(), str::to_owned));
        }
        if let Some(names) = schema["enum"].as_array() {
            let names = names.iter().filter(|name| !name.is_null()).map(|name| format!("`{}`", text(name)));
            return [names.collect::<Vec<_>>().join(", "), or_null(schema)].concat();
        }
        if let Some(ways) = schema["anyOf"].as_array() {
            let kinds = ways.iter().filter(|way| way["title"] != EMPTY).map(|way| self.kind(way));
            return kinds.collect::<Vec<_>>().join(" or ") + &default(schema);
        }
        [named_types(schema), bounds(schema), or_null(schema)].concat()
    }

    fn example(&self, operation: &Operation<'d>, body: &Value) -> String {
        let said = operation.said;
        let path = said["x-example-path"].as_str().unwrap_or(operation.path);
        let mut command = format!("curl \"$MILEPOST_URL{path}\"");
        match operation.method {
            "get" => {}
            "post" if !body.is_null() => {}
            other => push(&mut command, format_args!(" -X {}", other.to_ascii_uppercase())),
        }
        let takes_key =
            said["security"].as_array().is_some_and(|ways| ways.iter().any(|way| way.get("ApiKey").is_some()));
        if takes_key {
            command.push_str(" \\\n  -H \"X-API-Key: $MILEPOST_API_KEY\"");
        } else if said["security"].as_array().is_some_and(|ways| !ways.is_empty()) {
            command.push_str(" \\\n  -H \"Payer-Token: $PAYER_TOKEN\"");
        }
        if !body.is_null() {
            let json = serde_json::to_string_pretty(body).unwrap_or_default().replace('\'', "'\\''");
            push(&mut command, format_args!(" \\\n  -H \"Content-Type: application/json\" \\\n  -d '{json}'"));
        }
        format!("<h4>Example</h4>\n<pre tabindex=\"0\"><code>{}</code></pre>\n", escaped(&command))
    }

    fn answers(&self, answers: &'d Value) -> String {
        let mut html = String::new();
        let none = Map::new();
        let (done, refused): (Vec<_>, Vec<_>) =
            answers.as_object().unwrap_or(&none).iter().partition(|(status, _)| status.starts_with('2'));
        for (status, answer) in done {
            let content = &answer["content"]["application/json"];
            let shown = &content["examples"]["example"]["value"];
            if !shown.is_null() {
                let json = escaped(&serde_json::to_string_pretty(shown).unwrap_or_default());
                push(
                    &mut html,
                    format_args!(
                        "<details>\n<summary>Answer {status}</summary>\n<pre tabindex=\"0\"><code>{json}</code></pre>\n</details>\n"
                    ),
                );
            }
            let fields = rows(&self.fields(&content["schema"], "", 0));
            if !fields.is_empty() {
                push(
                    &mut html,
                    format_args!("<details>\n<summary>Fields of the answer</summary>\n{fields}</details>\n"),
                );
            }
        }
        html.push_str("<details>\n<summary>Refusals</summary>\n<div class=\"wide\"><table>\n");
        for (status, answer) in refused {
            let about = text(&self.resolved(answer)["description"]);
            let about: Vec<String> = about.split("\n\n").map(inline).collect();
            push(&mut html, format_args!("<tr><td>{status}</td><td>{}</td></tr>\n", about.join("<br>")));
        }
        html.push_str("</table></div>\n</details>\n");
        html
    }
}

/// A line of a table of fields.
struct Row {
    name: String,
    must: &'static str,
    kind: String,
    about: String,
}

fn table(title: &str, fields: &[Row]) -> String {
    let shown = rows(fields);
    if shown.is_empty() { String::new() } else { format!("<h4>{title}</h4>\n{shown}") }
}

fn rows(fields: &[Row]) -> String {
    if fields.is_empty() {
        return String::new();
    }
    let mut html = "<div class=\"wide\"><table>\n".to_owned();
    for Row { name, must, kind, about } in fields {
        let must = if must.is_empty() { String::new() } else { format!(" <span class=\"must\">{must}</span>") };
        let about = if about.is_empty() { String::new() } else { format!("{}<br>", inline(about)) };
        push(
            &mut html,
            format_args!(
                "<tr><td><code>{}</code>{must}</td><td>{about}<span class=\"soft\">{}</span></td></tr>\n",
                escaped(name),
                inline(kind)
            ),
        );
    }
    html.push_str("</table></div>\n");
    html
}

fn named_types(schema: &Value) -> String {
    let noun = |name: &str| match (name, text(&schema["format"])) {
        ("string", "date-time") => "a time, RFC 3339 in UTC".to_owned(),
        ("string", _) => "a text".to_owned(),
        ("integer", _) => "a whole number".to_owned(),
        ("number", _) => "a number".to_owned(),
        ("boolean", _) => "true or false".to_owned(),
        ("array", _) => "a list".to_owned(),
        ("object", _) => "an object".to_owned(),
        (other, _) => other.to_owned(),
    };
    if let Some(title) = schema["title"].as_str() {
        return title.to_owned();
    }
    match &schema["type"] {
        Value::String(name) => noun(name),
        Value::Array(names) => {
            let nouns = names.iter().filter(|name| *name != "null").map(|name| noun(text(name)));
            nouns.collect::<Vec<_>>().join(" or ")
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => "anything".to_owned(),
    }
}

/// That there may be nothing.
fn or_null(schema: &Value) -> String {
    let may_be = schema["type"].as_array().is_some_and(|names| names.iter().any(|name| name == "null"));
    if may_be { " or `null`".to_owned() } else { String::new() }
}

/// The bounds of a schema, in a few words.
fn bounds(schema: &Value) -> String {
    let mut told = String::new();
    if let (Some(least), Some(most)) = (schema["minimum"].as_i64(), schema["maximum"].as_i64()) {
        push(&mut told, format_args!(" from {least} to {most}"));
    }
    match (schema["x-max-bytes"].as_u64(), schema["maxLength"].as_u64()) {
        (Some(bytes), _) => push(&mut told, format_args!(" of at most {bytes} bytes")),
        (None, Some(chars)) => push(&mut told, format_args!(" of at most {chars} characters")),
        (None, None) => {}
    }
    if let Some(items) = schema["maxItems"].as_u64() {
        push(&mut told, format_args!(" of at most {items}"));
    }
    told
}

fn default(schema: &Value) -> String {
    schema.get("default").map_or_else(String::new, |default| format!("; {default} by default"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_is_said_becomes_markup() {
        assert_eq!(inline("a <b> & `<i>\"`"), "a &lt;b&gt; &amp; <code>&lt;i&gt;&quot;</code>");
    }
}
