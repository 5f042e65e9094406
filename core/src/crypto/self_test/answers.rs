//! The known answers: a published key, a text, and the signature that the key made.

use super::Answer;
use crate::jose::alg::Alg;

/// Every operation that a host may offer. Deliberately absent: PS* and Ed25519, which Envoy has no function for.
pub(super) const ANSWERS: [Answer; 5] = [RS256, RS384, RS512, ES256, ES384];

/// RFC 7515 appendix A.2.
const RS256: Answer = Answer {
    alg: Alg::Rs256,
    jwk: &[
        ("kty", "RSA"),
        (
            "n",
            concat!(
                "ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt",
                "0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSX",
                "ndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5",
                "IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ"
            ),
        ),
        ("e", "AQAB"),
    ],
    input: concat!(
        "eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9",
        "pc19yb290Ijp0cnVlfQ"
    ),
    signature: concat!(
        "cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujG",
        "bds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K",
        "0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6",
        "LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw"
    ),
};

/// Wycheproof, `json_web_signature_test.json`, tcId 266.
const RS384: Answer = Answer {
    alg: Alg::Rs384,
    jwk: &[
        ("kty", "RSA"),
        (
            "n",
            concat!(
                "zab6XKdr_gSS7Ffgo7__cnLcjR4lrR-zOKoFDwLBBOYxM9a1t8SYXruumsA2pbnAMHTWCuyOJbrzkqDEMP8FuI6U",
                "iAXT3XRRHYiFJQp7V0IVraAVxVkHZobiU8zJbAgVsSke54fMM2O0932TDrmY18WCskzqnOId6XInkZiYY6J-vICg",
                "DeW9L5Iod15aTOsFTVjJvjagVDNpcaE2Qt2VEN1paqJo2zqrIpnV2I-OViQ00UJwlNPfjnLR72m07TTRK6w3UiOy",
                "olzyJ_c1-BboXhcjkwR2mmCCFUzRWJn8Hq77abdIo-XtJNODcll94-TionuVHWrH2xgtaAnY_1Ebfw"
            ),
        ),
        ("e", "AQAB"),
    ],
    input: "eyJhbGciOiJSUzM4NCIsImtpZCI6IlJTMzg0XzIwNDgifQ.YQ",
    signature: concat!(
        "jV6FrunR_W9jxKvX88AlXnllW5SkXOeNLef4fpBU334XuyQun5_gcIlYdqBNHucS_wKf2RgDw5ytLTXrLWXpx6gWqa2rZynZ",
        "KN9_fUBPVn-MpvkHQ7yQwx9L5OMtYDr_M_PRl8eXL92CDRxBjsMrsg_nyBbsjy3kG1J8C4zbx0QYwvK44bnr618qCX0KORAG",
        "kFVhIybCBzz851AIZZ_Q7NylPm0HArKqCFOqaS3Hlk9c5gLDjzofbqsLv9iigUexbJPJP_1OK5mymhCWGHu7s3UQDJmI60hq",
        "PsnRajE_BWUPQ_1jU1w_9EMgfeLgh_m-do8pEliUovIzg1OqD-wy3w"
    ),
};

/// Wycheproof, `json_web_signature_test.json`, tcId 270.
const RS512: Answer = Answer {
    alg: Alg::Rs512,
    jwk: &[
        ("kty", "RSA"),
        (
            "n",
            concat!(
                "wsSoYCNtPJCWoHbWulEH4Pe9geG6kW9zdXJL0rCwtjlWgTcVo0V6sEWLcfs1pFsn-e96w-V53qRd-_0HgZ7WtwIa",
                "pTNsWEQqrdlsqe6dMkc-nZJ4VitNECWK3mqY-xx8_cOzcW713sWM9zs1nziVmbS1hlqYY1GesAHDJDh9p1VFDbNB",
                "MJNg44B8BWW44sRPvV5ujQTQBtfudouOhDYIKpD6DoN_MvRgh6tKDZviiqfaF5TOsBcqf1DtIPbfZB77y_0qrIl3",
                "XHYacxAJPGccl3-hiw1uAfsl96QytCxlNZeExokgVxnBz246Zdri2kNMMm3egbtv__vb9t5cFrunSQ"
            ),
        ),
        ("e", "AQAB"),
    ],
    input: "eyJhbGciOiJSUzUxMiIsImtpZCI6IlJTNTEyXzIwNDgifQ.YQ",
    signature: concat!(
        "MDbZyEwP2z0kxl-lWWXPCypOolGqAhFfMl7VvBL1aFKJfzJKcfjqq-nmLDKr-JanzNYkuZfPmQzHUQgJT3bA8d--BFhRsMjS",
        "ZDoyYyTAYHQDSwu9Ls92ThrcGIowVAnVlkaRfc7kqiEVB4XvuJL7Pz1nuOpQ9-QdcML1vnm4D1wqeuPNN6S95Y2mx1X2_knX",
        "BUj5C7SYjtnisEp_B5wASOy44bEhrqDQnEwrQZwqPvOGmzANdEg7Yx0tAVbW2esXfr_w8qEI1lGCgf4q6JE3v9UGVcxtWvON",
        "_F8fRl3LR9NC5A5k9pqbJ7tFSggOLCAkTn1qsC0WrtWJR3MTOKMHpA"
    ),
};

/// RFC 7515 appendix A.3.
pub(super) const ES256: Answer = Answer {
    alg: Alg::Es256,
    jwk: &[
        ("kty", "EC"),
        ("crv", "P-256"),
        ("x", "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU"),
        ("y", "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"),
    ],
    input: concat!(
        "eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9",
        "pc19yb290Ijp0cnVlfQ"
    ),
    signature: "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q",
};

/// RFC 6979 appendix A.2.6, SHA-384.
const ES384: Answer = Answer {
    alg: Alg::Es384,
    jwk: &[
        ("kty", "EC"),
        ("crv", "P-384"),
        ("x", "7DpOQVtOGaRWhhgCn0J_pdqai8SukuAuBqrlKGswDGTe-PDqkFWGYGSiVFFUgLwT"),
        ("y", "gBXZty19VyROqO-awMYhiWcIpZNn-d-59UyoSz8cnbEoiyMcOuDU_nNE_SUzJkcg"),
    ],
    input: "sample",
    signature: concat!(
        "lO27kqXsuKrUc25WxpGRaz-IFAZmzp-nPWTE6pWtEzyBpkgVLkSs-W423R6A-r5Gme9K6xXxeM6h_kDbJgMTjxMOdAoZYkUm",
        "IDtjUdCjqU-jKcFFeG5nnnuCxxo4YorI"
    ),
};

/// The private half of the key of [`ES256`], printed in the same appendix.
pub(super) const ES256_PRIVATE: &str = "jpsQnnGQmL-YBIffH1136cspYG6-0iY7X1fCE9-E9LI";
