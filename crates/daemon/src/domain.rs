// SPDX-License-Identifier: Apache-2.0

//! The flag `--domain`, alike for master and agent.

use kaon_api::json::{Dialect, from_json, parse};
use kaon_api::v1;

/// `{"fault_domain":{"region":{"name":"r"},"zone":{"name":"z"}}}`. The error is a text for people.
pub fn domain(text: &str) -> Result<v1::DomainInfo, String> {
    let bad = |problem: String| {
        format!(
            "Invalid value of --domain: {problem}; expected a region and a zone, such as \
             {{\"fault_domain\":{{\"region\":{{\"name\":\"r\"}},\"zone\":{{\"name\":\"z\"}}}}}}"
        )
    };
    let json = parse(text.as_bytes()).map_err(|error| bad(error.to_string()))?;
    let domain: v1::DomainInfo = from_json(&json, Dialect::V1).map_err(|error| bad(error.to_string()))?;
    if domain.fault_domain.is_none() {
        return Err(bad("'fault_domain' is missing".to_owned()));
    }
    Ok(domain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn region_and_zone_belong_together() {
        let good = domain(r#"{"fault_domain":{"region":{"name":"r"},"zone":{"name":"z"}}}"#).unwrap();
        assert_eq!(good.fault_domain.unwrap().zone.name, "z");
        for bad in ["", "x", "{}", r#"{"fault_domain":{"region":{"name":"r"}}}"#] {
            assert!(domain(bad).unwrap_err().starts_with("Invalid value of --domain: "), "{bad}");
        }
    }
}
