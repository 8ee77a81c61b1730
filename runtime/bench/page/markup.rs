//! HTML and SVG as text.

/// Others' words, as text of an element or an attribute.
pub(super) fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            other => out.push(other),
        }
    }
    out
}

/// An element with a class, or none where that is empty. What is inside is markup already.
pub(super) fn element(tag: &str, class: &str, inside: &str) -> String {
    match class {
        "" => format!("<{tag}>{inside}</{tag}>\n"),
        class => format!("<{tag} class=\"{class}\">{inside}</{tag}>\n"),
    }
}

/// One line of a plot: a name, what is drawn, and the number in words. `told` is what somebody
/// hears who cannot see the drawing.
pub(super) fn lane(name: &str, height: u32, drawn: &str, value: &str, told: &str) -> String {
    let svg = format!(
        "<svg class=\"lane\" height=\"{height}\" role=\"img\" aria-label=\"{}\">{drawn}</svg>",
        escaped(told)
    );
    let cells = element("span", "name", &escaped(name)) + &svg + &element("span", "value", value);
    element("div", "row", &cells)
}

/// The line of a row that has nothing to be drawn.
pub(super) fn failed(name: &str, why: &str) -> String {
    let cells = element("span", "name", &escaped(name)) + &element("span", "why", &escaped(why));
    element("div", "row failed", &cells)
}

/// What colours and marks stand for.
pub(super) fn legend(entries: &[(String, &str)]) -> String {
    let entries: String = entries
        .iter()
        .map(|(class, name)| {
            let mark = format!("<i class=\"{class}\"></i>");
            element("span", "", &(mark + &escaped(name)))
        })
        .collect();
    element("div", "legend", &entries)
}
