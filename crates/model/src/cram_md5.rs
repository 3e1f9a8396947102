// SPDX-License-Identifier: Apache-2.0

//! CRAM-MD5 (RFC 2195): proves that one knows a secret without sending it.

use std::fmt::Write;

use hmac::{Hmac, KeyInit, Mac};
use md5::Md5;

use crate::credentials::{Credential, Credentials};

/// Bound: the longest response believed; SASL's own.
const RESPONSE_MAX: usize = 1024;

/// Why a response proves nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The text is that of SASL, which clients show.
    #[error("{0}")]
    Malformed(&'static str),
    /// The principal is not known, or the secret is another: it is not said which.
    #[error("the credentials are wrong")]
    WrongCredentials,
}

/// The response to a challenge: the principal, then the HMAC-MD5 of the challenge in hexadecimal.
pub fn response(credential: &Credential, challenge: &[u8]) -> Vec<u8> {
    let digest = mac(credential.secret.expose(), challenge).finalize().into_bytes();
    let mut text = format!("{} ", credential.principal);
    for byte in digest {
        write!(text, "{byte:02x}").expect("writing to memory succeeds");
    }
    text.into_bytes()
}

/// Whose response this is.
///
/// The digests are compared in a time that does not depend on where they differ, nor on whether the principal is known.
pub fn verify(response: &[u8], challenge: &[u8], credentials: &Credentials) -> Result<String, Refusal> {
    if response.len() > RESPONSE_MAX {
        return Err(Refusal::Malformed("CRAM-MD5 input longer than 1024 bytes"));
    }
    // A principal may have blanks in it.
    let blank = response.iter().rposition(|byte| *byte == b' ').filter(|at| *at > 0);
    let blank = blank.ok_or(Refusal::Malformed("need authentication name"))?;
    let principal = std::str::from_utf8(&response[..blank]).map_err(|_| Refusal::WrongCredentials)?;
    let known = credentials.get(principal);
    let expected = mac(known.map_or(&[], |secret| secret.expose()), challenge);
    let digest = digest(&response[blank + 1..]).ok_or(Refusal::WrongCredentials)?;
    let matches = expected.verify_slice(&digest).is_ok();
    if matches && known.is_some() { Ok(principal.to_string()) } else { Err(Refusal::WrongCredentials) }
}

fn mac(secret: &[u8], challenge: &[u8]) -> Hmac<Md5> {
    let mut mac = Hmac::<Md5>::new_from_slice(secret).expect("HMAC takes keys of any length");
    mac.update(challenge);
    mac
}

/// Sixteen bytes in hexadecimal. Mesos: in small letters, as SASL compares texts.
fn digest(hex: &[u8]) -> Option<[u8; 16]> {
    let nibble = |byte: u8| match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        _ => None,
    };
    let mut digest = [0; 16];
    if hex.len() != 2 * digest.len() {
        return None;
    }
    for (byte, pair) in digest.iter_mut().zip(hex.chunks_exact(2)) {
        *byte = nibble(pair[0])? << 4 | nibble(pair[1])?;
    }
    Some(digest)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::credentials::Secret;

    fn credential(principal: &str, secret: &str) -> Credential {
        Credential { principal: principal.to_string(), secret: Secret::new(secret) }
    }

    /// The example of RFC 2195.
    const CHALLENGE: &[u8] = b"<1896.697170952@postoffice.reston.mci.net>";
    const RESPONSE: &[u8] = b"tim b913a602c7eda7a495b4e6e7334d3890";

    #[test]
    fn the_example_of_the_standard_holds() {
        assert_eq!(response(&credential("tim", "tanstaaftanstaaf"), CHALLENGE), RESPONSE);
        let known = Credentials::from([("tim".to_string(), Secret::new("tanstaaftanstaaf"))]);
        assert_eq!(verify(RESPONSE, CHALLENGE, &known), Ok("tim".to_string()));
    }

    #[test]
    fn what_proves_nothing_is_refused() {
        let known = Credentials::from([
            ("tim".to_string(), Secret::new("tanstaaftanstaaf")),
            ("two words".to_string(), Secret::new("s")),
            ("empty".to_string(), Secret::new("")),
        ]);
        let words = response(&credential("two words", "s"), CHALLENGE);
        assert_eq!(verify(&words, CHALLENGE, &known), Ok("two words".to_string()));
        // Whoever is not known is as if its secret were empty, and still is not let in.
        let stranger = response(&credential("stranger", ""), CHALLENGE);
        assert_eq!(verify(&stranger, CHALLENGE, &known), Err(Refusal::WrongCredentials));
        let wrong = Err(Refusal::WrongCredentials);
        assert_eq!(verify(RESPONSE, b"<another>", &known), wrong);
        assert_eq!(verify(&RESPONSE[..RESPONSE.len() - 1], CHALLENGE, &known), wrong);
        assert_eq!(verify(&[RESPONSE, b"0"].concat(), CHALLENGE, &known), wrong);
        assert_eq!(verify(&RESPONSE.to_ascii_uppercase(), CHALLENGE, &known), wrong);
        assert_eq!(verify(b"\xff\xfe b913", CHALLENGE, &known), wrong);
        for nameless in [&b""[..], b"tim", b" b913a602c7eda7a495b4e6e7334d3890"] {
            let refusal = verify(nameless, CHALLENGE, &known);
            assert_eq!(refusal, Err(Refusal::Malformed("need authentication name")));
        }
        let long = verify(&[b'a'; 1025], CHALLENGE, &known);
        assert!(matches!(long, Err(Refusal::Malformed(text)) if text.contains("1024")));
    }

    #[test]
    fn a_secret_is_not_printed() {
        assert!(!format!("{:?}", credential("p", "hidden")).contains("hidden"));
    }
}
