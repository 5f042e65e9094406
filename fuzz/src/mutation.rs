//! New inputs out of old ones. Deliberately absent: learning from what an input does; libFuzzer does that.

/// Inputs do not grow beyond this.
const MAX_BYTES: usize = 64 * 1024;

/// Words that mean something to one of the targets.
const WORDS: [&[u8]; 64] = [
    b".",
    b"..",
    b"=",
    b"\n",
    b"\0",
    b"\\",
    b"/",
    b"//",
    b"%",
    b"%2F",
    b"%2e",
    b"%25",
    b";",
    b"?",
    b"#",
    b"{}",
    b"[]",
    b"{",
    b"}",
    b"[",
    b"]",
    b",",
    b":",
    b"\"",
    b"\\u0000",
    b"\\ud800",
    b"\xef\xbb\xbf",
    b"\xff",
    b"\xc0\x80",
    b"null",
    b"true",
    b"-1",
    b"0",
    b"1e400",
    b"1e-400",
    b"9007199254740992",
    b"9223372036854775808",
    b"\"alg\":\"none\"",
    b"\"alg\":\"ES256\"",
    b"\"kid\":",
    b"\"crit\":[\"exp\"]",
    b"\"b64\":false",
    b"\"typ\":\"at+jwt\"",
    b"\"iss\":",
    b"\"sub\":",
    b"\"aud\":",
    b"\"exp\":",
    b"\"nbf\":",
    b"\"iat\":",
    b"\"cnf\":{}",
    b"\"kty\":\"oct\"",
    b"\"kty\":\"RSA\"",
    b"\"crv\":\"P-256\"",
    b"\"keys\":[",
    b"\"use\":\"enc\"",
    b"{\"issuer\":",
    b"bearer ",
    b"*.",
    b"\"not\":",
    b"\"all\":[",
    b"\"attribute\":",
    b"\"matches\":",
    b"\"in\":[",
    b"jwt.claim.",
];

/// Makes inputs from a corpus, the same ones for the same seed.
#[derive(Debug)]
pub(crate) struct Mutator<'a> {
    corpus: &'a [Vec<u8>],
    state: u64,
}

// === impl Mutator ===

impl<'a> Mutator<'a> {
    /// `corpus` must not be empty.
    pub(crate) const fn new(corpus: &'a [Vec<u8>], seed: u64) -> Self {
        Self { corpus, state: seed }
    }

    /// The next input: one of the corpus after one to six changes.
    pub(crate) fn input(&mut self) -> Vec<u8> {
        let mut input = self.pick().clone();
        for _ in 0..=self.below(6) {
            self.change(&mut input);
        }
        input.truncate(MAX_BYTES);
        input
    }

    fn change(&mut self, input: &mut Vec<u8>) {
        let at = self.below(input.len() + 1);
        let end = (at + self.below(17)).min(input.len());
        match self.below(10) {
            0 => {
                if let Some(byte) = input.get_mut(at) {
                    *byte ^= 1 << (self.state % 8);
                }
            }
            1 => {
                let byte = self.byte();
                input.splice(at..end.min(at + 1), [byte]);
            }
            2 => drop(input.drain(at..end)),
            3 => {
                let count = 1 + self.below(8);
                let bytes: Vec<u8> = (0..count).map(|_| self.byte()).collect();
                input.splice(at..at, bytes);
            }
            4 | 5 => {
                let word = WORDS[self.below(WORDS.len())];
                let end = if self.below(2) == 0 { at } else { end };
                input.splice(at..end, word.iter().copied());
            }
            6 => {
                // The same piece again, elsewhere and perhaps often.
                let piece = input[at..end].repeat(1 + self.below(4));
                let to = self.below(input.len() + 1);
                input.splice(to..to, piece);
            }
            7 => {
                // The end of another input.
                let other = self.pick();
                let from = self.below(other.len() + 1);
                input.truncate(at);
                input.extend_from_slice(&other[from..]);
            }
            8 => self.change_number(input, at),
            _ => input.truncate(at),
        }
    }

    /// Puts another number where the next one stands.
    fn change_number(&mut self, input: &mut Vec<u8>, at: usize) {
        let Some(start) = input[at..].iter().position(u8::is_ascii_digit).map(|distance| at + distance)
        else {
            return;
        };
        let length = input[start..].iter().take_while(|byte| byte.is_ascii_digit()).count();
        let numbers: [&[u8]; 8] =
            [b"0", b"1", b"-1", b"255", b"65536", b"4294967296", b"18446744073709551615", b"1.5e3"];
        let number = numbers[self.below(numbers.len())];
        input.splice(start..start + length, number.iter().copied());
    }

    fn pick(&mut self) -> &'a Vec<u8> {
        &self.corpus[self.below(self.corpus.len())]
    }

    fn byte(&mut self) -> u8 {
        self.draw().to_le_bytes()[0]
    }

    fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.draw() % end as u64).expect("less than a usize")
    }

    /// `SplitMix64`.
    const fn draw(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.state ^ (self.state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}
