//! Money as one bar, with its shares side by side.

use maud::{Markup, html};

use super::money;

/// How much of the bar is all of it: percent with two decimals, so that nothing is counted in fractions.
const WHOLE: i128 = 10_000;

/// A share of the money.
#[derive(Clone, Debug)]
pub(in crate::web) struct Segment {
    /// What has become of it.
    pub(in crate::web) name: &'static str,
    /// The class that colours it.
    pub(in crate::web) class: &'static str,
    /// Decimal text, as the API has it.
    pub(in crate::web) amount: String,
}

/// The bar, and what its colours mean. Shares of nothing are left out.
pub(in crate::web) fn bar(segments: &[Segment], currency: &str) -> Markup {
    let shares: Vec<(&Segment, i128)> =
        segments.iter().map(|segment| (segment, weight(&segment.amount))).filter(|(_, weight)| *weight > 0).collect();
    let total: i128 = shares.iter().map(|(_, weight)| weight).sum();
    let mut placed = Vec::new();
    let mut before = 0;
    for (segment, weight) in &shares {
        let (from, to) = (before * WHOLE / total, (before + weight) * WHOLE / total);
        placed.push((segment.class, percent(from), percent(to - from)));
        before += weight;
    }
    html! {
        div.bar-of-money {
            svg width="100%" height="10" aria-hidden="true" focusable="false" {
                @for (class, from, width) in &placed {
                    rect class=(class) x=(from) width=(width) y="0" height="10" {}
                }
            }
            dl.legend {
                @for (segment, _) in &shares {
                    div {
                        dt { span .dot .(segment.class) {} (segment.name) }
                        dd { (money(&segment.amount, currency)) }
                    }
                }
            }
        }
    }
}

/// The digits of decimal text as a number that shares of one currency can be compared by: all are padded to the most decimals that
/// any currency has here.
fn weight(amount: &str) -> i128 {
    const DECIMALS: usize = 18;
    let (whole, fraction) = amount.split_once('.').unwrap_or((amount, ""));
    format!("{whole}{fraction:0<DECIMALS$}").parse().unwrap_or(0)
}

fn percent(hundredths: i128) -> String {
    format!("{}.{:02}%", hundredths / 100, hundredths % 100)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_fill_the_bar() {
        let segment = |name, amount: &str| Segment { name, class: name, amount: amount.to_owned() };
        let segments =
            [segment("a", "100.00"), segment("b", "100"), segment("none", "0.00"), segment("c", "100.000000")];
        let html = bar(&segments, "USDC").into_string();
        for part in [
            r#"<rect class="a" x="0.00%" width="33.33%""#,
            r#"<rect class="b" x="33.33%" width="33.33%""#,
            r#"<rect class="c" x="66.66%" width="33.34%""#,
        ] {
            assert!(html.contains(part), "{html}");
        }
        assert!(!html.contains("none"), "{html}");
        assert!(!bar(&[], "USDC").into_string().contains("rect"));
    }
}
