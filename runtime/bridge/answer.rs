//! The few messages that brig itself writes: errors in place of an answer, results of tools that
//! the rules kept from being called, and the cancelling of a call whose time ran out. Nothing else
//! is ever put into a connection.

use super::code::Code;
use super::id::Id;
use brig_policies::Refused;

/// An error answer to `id`, as one whole line.
pub(crate) fn error(id: &Id, code: Code, message: &str) -> Vec<u8> {
    let mut line = String::with_capacity(160 + id.raw().len() + message.len());
    line.push_str(r#"{"jsonrpc":"2.0","id":"#);
    line.push_str(id.raw());
    line.push_str(r#","error":{"code":"#);
    line.push_str(&code.number().to_string());
    line.push_str(r#","message":"#);
    line.push_str(&quoted(message));
    line.push_str(r#","data":{"source":"brig","code":""#);
    line.push_str(code.name());
    line.push_str("\"}}}\n");
    line.into_bytes()
}

/// An error answer to `id` because of a refusal, which `data.refusal` names.
pub(crate) fn refusal(id: &Id, code: Code, refused: &Refused) -> Vec<u8> {
    let name = refused.code().as_str();
    let message = format!(
        "refused by the rules of this server ({name}): {}",
        refused.reason()
    );
    let data = format!(
        r#"{{"source":"brig","code":"{}","refusal":"{name}"}}"#,
        code.name()
    );
    let number = code.number();
    let (id, message) = (id.raw(), quoted(&message));
    let error = format!(r#"{{"code":{number},"message":{message},"data":{data}}}"#);
    format!("{{\"jsonrpc\":\"2.0\",\"id\":{id},\"error\":{error}}}\n").into_bytes()
}

/// The result of a tool that was not called, or whose answer was refused: what a model reads, and
/// can act on. MCP has errors of tools as results for this (2025-11-25), since clients keep errors
/// of the protocol to themselves.
pub(crate) fn tool_error(id: &Id, refused: &Refused, is_modern: bool) -> Vec<u8> {
    let name = refused.code().as_str();
    let text = format!(
        "refused by the rules of this server ({name}): {}",
        refused.reason()
    );
    let kind = if is_modern {
        r#""resultType":"complete","#
    } else {
        ""
    };
    let (id, text) = (id.raw(), quoted(&text));
    let content = format!(r#"[{{"type":"text","text":{text}}}]"#);
    let meta = format!(r#"{{"brig":{{"refusal":"{name}"}}}}"#);
    let result = format!(r#"{{{kind}"content":{content},"isError":true,"_meta":{meta}}}"#);
    format!("{{\"jsonrpc\":\"2.0\",\"id\":{id},\"result\":{result}}}\n").into_bytes()
}

/// `notifications/cancelled` for a client's request that brig has answered in the server's place.
pub(crate) fn cancelled(id: &Id, reason: &str) -> Vec<u8> {
    let mut line = String::with_capacity(120 + id.raw().len() + reason.len());
    line.push_str(r#"{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":"#);
    line.push_str(id.raw());
    line.push_str(r#","reason":"#);
    line.push_str(&quoted(reason));
    line.push_str("}}\n");
    line.into_bytes()
}

/// `text` as a JSON string. It has no control or bidirectional character left, since the text may
/// name what a server chose and ends on a terminal or before a model.
fn quoted(text: &str) -> String {
    let plain: String = text
        .chars()
        .map(|c| if is_hidden(c) { '\u{fffd}' } else { c })
        .collect();
    serde_json::Value::String(plain).to_string()
}

fn is_hidden(c: char) -> bool {
    let bidirectional =
        matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    bidirectional || c == '\u{61c}' || (c.is_control() && c != '\n')
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    #[test]
    fn an_error_is_one_line_that_names_brig_and_keeps_the_id() {
        let id = Id::read(r#""\u0061\/""#).unwrap();
        let line = error(&id, Code::ServerEnded, "it \"ended\"\n\u{1b}[2J\u{202e}");
        let want = concat!(
            r#"{"jsonrpc":"2.0","id":"\u0061\/","error":{"code":-31002,"#,
            r#""message":"it \"ended\"\n�[2J�","#,
            r#""data":{"source":"brig","code":"server-ended"}}}"#,
            "\n"
        );
        assert_eq!(String::from_utf8(line).unwrap(), want);
    }

    #[test]
    fn a_cancellation_names_the_id_as_it_was_written() {
        let line = cancelled(&Id::read("9007199254740993").unwrap(), "late");
        let want = concat!(
            r#"{"jsonrpc":"2.0","method":"notifications/cancelled","#,
            r#""params":{"requestId":9007199254740993,"reason":"late"}}"#,
            "\n"
        );
        assert_eq!(String::from_utf8(line).unwrap(), want);
    }
}
