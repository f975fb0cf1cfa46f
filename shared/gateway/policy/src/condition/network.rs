//! Blocks of IP addresses, as `IpAddress` compares them.

use std::net::IpAddr;

/// An address with the number of leading bits that count: `203.0.113.0/24`, `2001:db8::/32`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Network {
    address: IpAddr,
    bits: u32,
}

impl Network {
    /// A block in CIDR notation, or one address.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (address, bits) = text.split_once('/').map_or((text, None), |(address, bits)| (address, Some(bits)));
        let address: IpAddr = address.parse().ok()?;
        let width = if address.is_ipv4() { 32 } else { 128 };
        let bits = match bits {
            None => width,
            Some(bits) if bits.bytes().all(|b| b.is_ascii_digit()) => bits.parse().ok()?,
            Some(_) => return None,
        };
        (bits <= width).then_some(Self { address, bits })
    }

    /// Whether an address lies in the block. An IPv4 address written as IPv6 (`::ffff:…`) counts as IPv4.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        let leading = |number: u128, width: u32| number.checked_shr(width - self.bits).unwrap_or(0);
        match (self.address, address.to_canonical()) {
            (IpAddr::V4(a), IpAddr::V4(b)) => {
                leading(u128::from(a.to_bits()), 32) == leading(u128::from(b.to_bits()), 32)
            }
            (IpAddr::V6(a), IpAddr::V6(b)) => leading(a.to_bits(), 128) == leading(b.to_bits(), 128),
            _ => false,
        }
    }
}
