//! Tests of `calendar`.

use super::*;
use proptest::prelude::*;

#[test]
fn known_dates() {
    assert_eq!(civil(0), (1970, 1, 1));
    assert_eq!(civil(1_704_067_200_000), (2024, 1, 1));
    assert_eq!(midnight(2024, 2, 29), Some(1_709_164_800_000));
    assert_eq!(midnight(2023, 2, 29), None);
    assert_eq!(midnight(2100, 2, 29), None);
    // The last day of an era.
    assert_eq!(civil(951_782_400_000), (2000, 2, 29));
    let none = [
        (1969, 12, 31),
        (10_000, 1, 1),
        (2024, 0, 1),
        (2024, 13, 1),
        (2024, 3, 0),
    ];
    for (year, month, day) in none {
        assert_eq!(midnight(year, month, day), None, "{year}-{month}-{day}");
    }
    assert_eq!(parse_date("2024-01-01"), Some(1_704_067_200_000));
    for bad in [
        "2024-1-1",
        "2024-13-01",
        "20240101",
        "2024-01-01T",
        "",
        "2024-01-0a",
        "2024x01-01",
        "2024-01x01",
    ] {
        assert_eq!(parse_date(bad), None, "{bad}");
    }
    assert_eq!(rfc3339(1_709_210_096_007), "2024-02-29T12:34:56.007Z");
}

#[test]
fn moments_of_rfc_3339() {
    let noon = 1_709_208_000_000;
    for (text, ms) in [
        ("2024-02-29T12:00:00Z", noon),
        ("2024-02-29t12:00:00z", noon),
        ("2024-02-29T20:00:00+08:00", noon),
        ("2024-02-29T07:30:00-04:30", noon),
        ("2024-02-29T12:00:00.5Z", noon + 500),
        ("2024-02-29T12:00:00.007999Z", noon + 7),
        ("2024-02-29T12:00:60Z", noon + 59_000),
    ] {
        assert_eq!(parse_rfc3339(text), Some(ms), "{text}");
    }
    for bad in [
        "",
        "2024-02-29",
        "2024-02-29T12:00:00",
        "2024-02-29T24:00:00Z",
        "2024-02-29T12:00:00.Z",
        "2024-02-29T+1:00:00Z",
        "2023-02-29T12:00:00Z",
        "2024-02-29T12:00Z",
        "2024-02-29T12:00:00+8",
        "1970-01-01T00:00:00+01:00",
        "2024-02-29T12:00:00é",
        "2024-02-29T1é:00:00Z",
    ] {
        assert_eq!(parse_rfc3339(bad), None, "{bad}");
    }
}

proptest! {
    #[test]
    fn a_moment_comes_back(ms in 0u64..250_000_000_000_000) {
        prop_assert_eq!(parse_rfc3339(&rfc3339(ms)), Some(ms));
    }

    #[test]
    fn no_text_is_too_odd(text in ".{0,40}") {
        let _ = parse_rfc3339(&text);
    }

    #[test]
    fn a_date_comes_back(days in 0u64..2_900_000) {
        let ms = days * DAY_MS;
        let (year, month, day) = civil(ms);
        prop_assert_eq!(midnight(year, month, day), Some(ms));
        prop_assert_eq!(parse_date(&date(ms + DAY_MS - 1)), Some(day_start(ms + 1)));
    }
}
