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

/// One line of a plot.
pub(super) struct Lane<'l> {
    /// As people read it.
    pub(super) name: &'l str,
    /// The class of the name.
    pub(super) shade: &'static str,
    /// The class of the drawing, by which it has its height.
    pub(super) height: &'static str,
    /// What goes from the lane's top to its bottom, as SVG.
    pub(super) behind: &'l str,
    /// What is drawn around the middle, which is at 0, as SVG.
    pub(super) drawn: String,
    /// The number beside the drawing; markup.
    pub(super) value: String,
    /// How it compares; markup. Plots of one number have none.
    pub(super) beside: Option<String>,
    /// What somebody hears who cannot see the drawing.
    pub(super) told: String,
}

impl Lane<'_> {
    pub(super) fn markup(&self) -> String {
        let svg = format!(
            "<span class=\"lane {}\"><svg role=\"img\" aria-label=\"{}\">{}<svg y=\"50%\">{}</svg>\
             </svg></span>\n",
            self.height,
            escaped(&self.told),
            self.behind,
            self.drawn
        );
        let name = format!("name {}", self.shade);
        let beside = self.beside.as_ref();
        let beside = beside.map_or_else(String::new, |text| element("span", "beside", text));
        let cells = element("span", name.trim_end(), &escaped(self.name))
            + &svg
            + &element("span", "value", &self.value)
            + &beside;
        element("div", "row", &cells)
    }
}

/// What stands above the numbers of a plot.
pub(super) fn heads(value: &str, beside: &str) -> String {
    let cells =
        element("span", "value", &escaped(value)) + &element("span", "beside", &escaped(beside));
    element("div", "row heads", &cells)
}

/// The line of a row that has nothing to be drawn.
pub(super) fn failed(name: &str, why: &str) -> String {
    let cells = element("span", "name", &escaped(name)) + &element("span", "why", &escaped(why));
    element("div", "row failed", &cells)
}

/// What colours and marks stand for: the class of each, the text on it, and its meaning.
pub(super) fn legend(entries: &[(String, String, impl AsRef<str>)]) -> String {
    let entries: String = entries
        .iter()
        .map(|(class, on, name)| {
            let mark = format!("<i class=\"{class}\">{}</i>", escaped(on));
            element("span", "", &(mark + &escaped(name.as_ref())))
        })
        .collect();
    element("div", "legend", &entries)
}
