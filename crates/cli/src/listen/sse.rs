//! Reads a stream of server-sent events (HTML Living Standard §9.2.6), however it is cut into pieces on the way.

/// The most bytes of a frame: many times what an event of an intent with every milestone that it may have takes.
const MAX_FRAME_BYTES: usize = 16 * 1024 * 1024;

/// Which bytes a stream may begin with without meaning anything (§9.2.5).
const BYTE_ORDER_MARK: &str = "\u{feff}";

/// What stands between two empty lines, and says something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Frame {
    /// The place of the stream up to which everything was read with this frame; `None` as long as nobody has said.
    pub(super) place: Option<String>,
    /// What is told, where something is.
    pub(super) data: Option<String>,
}

/// A frame is longer than any that a gateway sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the stream has a frame of more than {MAX_FRAME_BYTES} bytes")]
pub(super) struct TooLong;

/// Reads one stream, from its first byte on.
#[derive(Debug, Default)]
pub(super) struct Reader {
    /// What has arrived of a line that has not ended.
    line: Vec<u8>,
    /// The line before ended with CR: an LF that follows is part of the same end.
    follows_cr: bool,
    /// The first line is read, which may have a byte order mark.
    is_begun: bool,
    /// The last `id`; it stays until another one comes.
    place: Option<String>,
    /// The present frame has an `id`.
    has_place: bool,
    /// The data of the present frame.
    data: Option<String>,
}

impl Reader {
    /// Takes the next piece, and gives the frames that end in it. Types are not read: the data has them as well.
    ///
    /// # Errors
    /// When a frame is too long. What comes after that is not to be read.
    pub(super) fn take(&mut self, piece: &[u8]) -> Result<Vec<Frame>, TooLong> {
        let mut frames = Vec::new();
        let mut rest = piece;
        while let Some((first, behind)) = rest.split_first() {
            if std::mem::take(&mut self.follows_cr) && *first == b'\n' {
                rest = behind;
                continue;
            }
            let end = rest.iter().position(|byte| matches!(byte, b'\r' | b'\n'));
            let (part, behind) = rest.split_at(end.unwrap_or(rest.len()));
            self.extend_line(part)?;
            if let Some((ending, behind)) = behind.split_first() {
                self.follows_cr = *ending == b'\r';
                frames.extend(self.end_line());
                rest = behind;
            } else {
                rest = behind;
            }
        }
        Ok(frames)
    }

    fn extend_line(&mut self, part: &[u8]) -> Result<(), TooLong> {
        let so_far = self.line.len() + self.data.as_ref().map_or(0, String::len);
        if part.len() > MAX_FRAME_BYTES.saturating_sub(so_far) {
            return Err(TooLong);
        }
        self.line.extend_from_slice(part);
        Ok(())
    }

    /// Reads the line that has ended; an empty one ends the frame.
    fn end_line(&mut self) -> Option<Frame> {
        let bytes = std::mem::take(&mut self.line);
        let text = String::from_utf8_lossy(&bytes);
        let is_first = !std::mem::replace(&mut self.is_begun, true);
        let line = if is_first { text.strip_prefix(BYTE_ORDER_MARK).unwrap_or(&text) } else { &text };
        if line.is_empty() {
            return self.end_frame();
        }
        let (name, value) = line.split_once(':').unwrap_or((line, ""));
        self.field(name, value.strip_prefix(' ').unwrap_or(value));
        None
    }

    /// What begins with a colon is a comment, and has no name; `event` and `retry` say nothing that is needed here.
    fn field(&mut self, name: &str, value: &str) {
        if name == "data" {
            match &mut self.data {
                Some(data) => {
                    data.push('\n');
                    data.push_str(value);
                }
                None => self.data = Some(value.to_owned()),
            }
        } else if name == "id" && !value.contains('\0') {
            self.place = Some(value.to_owned());
            self.has_place = true;
        }
    }

    fn end_frame(&mut self) -> Option<Frame> {
        let data = self.data.take();
        let says_something = std::mem::take(&mut self.has_place) || data.is_some();
        says_something.then(|| Frame { place: self.place.clone(), data })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(pieces: &[&[u8]]) -> Vec<Frame> {
        let mut reader = Reader::default();
        pieces.iter().flat_map(|piece| reader.take(piece).expect("short frames")).collect()
    }

    fn frame(place: Option<&str>, data: Option<&str>) -> Frame {
        Frame { place: place.map(str::to_owned), data: data.map(str::to_owned) }
    }

    #[test]
    fn streams_are_read_as_the_standard_has_it() {
        for (stream, expected) in [
            ("id: 7\nevent: milestone.completed\ndata: {}\n\n", vec![frame(Some("7"), Some("{}"))]),
            (": here\nid: 7\n\n", vec![frame(Some("7"), None)]),
            (
                "id: 7\r\ndata: a\r\n\r\nid: 8\r\rdata: b\n\r",
                vec![frame(Some("7"), Some("a")), frame(Some("8"), None), frame(Some("8"), Some("b"))],
            ),
            ("\u{feff}data: a\n\n", vec![frame(None, Some("a"))]),
            ("\n\u{feff}data: a\n\n", vec![]),
            ("\u{feff}\u{feff}data: a\n\n", vec![]),
            ("data: a\ndata:b\ndata:  c\n\n", vec![frame(None, Some("a\nb\n c"))]),
            ("data\n\ndata\ndata\n\ndata:\n", vec![frame(None, Some("")), frame(None, Some("\n"))]),
            (": a comment\n\n:\n\n\n\nretry: 10\n\nevent: x\n\n", vec![]),
            ("id: 7\ndata: a\n\nid\ndata: b\n\n", vec![frame(Some("7"), Some("a")), frame(Some(""), Some("b"))]),
            ("id: 7\0\ndata: a\n\n", vec![frame(None, Some("a"))]),
            ("data: a\n\ndata: the end is missing\n", vec![frame(None, Some("a"))]),
            ("Data: a\n data: b\ndatas: c\n\n", vec![]),
            ("data: ä: ö\u{85}\u{2028}\n\n", vec![frame(None, Some("ä: ö\u{85}\u{2028}"))]),
        ] {
            assert_eq!(read(&[stream.as_bytes()]), expected, "{stream:?}");
        }
        assert_eq!(read(&[b"data: \xff\xc3\n\n"]), [frame(None, Some("\u{fffd}\u{fffd}"))]);
    }

    #[test]
    fn a_frame_without_an_end_is_given_up() {
        let chunk = vec![b'x'; MAX_FRAME_BYTES / 4];
        for start in ["", "data: ", ": "] {
            let mut reader = Reader::default();
            assert_eq!(reader.take(start.as_bytes()), Ok(Vec::new()));
            assert!((0..4).any(|_| reader.take(&chunk).is_err()) || reader.take(b"x") == Err(TooLong), "{start:?}");
        }
        let mut reader = Reader::default();
        let line = [b"data: ", &chunk[..], b"\n"].concat();
        let taken: Result<Vec<_>, TooLong> = (0..5).map(|_| reader.take(&line)).collect();
        assert_eq!(taken, Err(TooLong), "many lines are as long as a long one");
    }

    /// Frames as somebody may write them: with any ends of lines, comments and fields that mean nothing.
    fn written() -> impl Strategy<Value = (String, Vec<Frame>)> {
        let line = "[^\r\n\0]{0,12}";
        let frame = (prop::option::of("[0-9]{1,3}"), prop::collection::vec(line, 0..4), prop::bool::ANY);
        let ending = prop::sample::select(vec!["\n", "\r", "\r\n"]);
        prop::collection::vec((frame, ending), 0..6).prop_map(|frames| {
            let (mut text, mut expected, mut place) = (String::new(), Vec::new(), None);
            for ((id, data, is_chatty), end) in frames {
                let mut lines: Vec<String> = data.iter().map(|line| format!("data: {line}")).collect();
                lines.extend(id.iter().map(|id| format!("id:{id}")));
                lines.extend(is_chatty.then(|| format!(": data: no{end}event: x{end}retry: 1")));
                lines.extend([String::new(), String::new()]);
                text.push_str(&lines.join(end));
                place = id.clone().or(place);
                let data = (!data.is_empty()).then(|| data.join("\n"));
                if id.is_some() || data.is_some() {
                    expected.push(Frame { place: place.clone(), data });
                }
            }
            (text, expected)
        })
    }

    fn cut(bytes: &[u8], cuts: &[prop::sample::Index]) -> Vec<Vec<u8>> {
        let mut places: Vec<usize> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).collect();
        places.extend([0, bytes.len()]);
        places.sort_unstable();
        places.windows(2).map(|pair| bytes[pair[0]..pair[1]].to_vec()).collect()
    }

    proptest! {
        #[test]
        fn what_was_written_is_read_however_it_is_cut(
            (text, expected) in written(),
            cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..12),
        ) {
            let pieces = cut(text.as_bytes(), &cuts);
            prop_assert_eq!(read(&pieces.iter().map(Vec::as_slice).collect::<Vec<_>>()), expected);
        }

        #[test]
        fn whatever_arrives_is_read_the_same_byte_by_byte(
            bytes in prop::collection::vec(prop_oneof![any::<u8>(), prop::sample::select(b"\r\n: dataid\0".to_vec())], 0..200),
        ) {
            let single: Vec<&[u8]> = bytes.chunks(1).collect();
            prop_assert_eq!(read(&single), read(&[&bytes]));
        }
    }
}
