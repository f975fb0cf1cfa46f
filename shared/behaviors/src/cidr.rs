//! Blocks of addresses.

use std::net::IpAddr;
use std::str::FromStr;

/// A block of addresses, such as `10.0.0.0/8`; an address alone is a block of one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cidr {
    address: IpAddr,
    bits: u32,
}

/// A text that is not a block of addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotCidr;

impl FromStr for Cidr {
    type Err = NotCidr;

    fn from_str(text: &str) -> Result<Self, NotCidr> {
        let (address, bits) = match text.split_once('/') {
            Some((address, bits)) if bits.len() <= 3 && bits.bytes().all(|digit| digit.is_ascii_digit()) => {
                (address, Some(bits.parse::<u32>().map_err(|_| NotCidr)?))
            }
            Some(_) => return Err(NotCidr),
            None => (text, None),
        };
        let address: IpAddr = address.parse().map_err(|_| NotCidr)?;
        let most = width(address);
        match bits.unwrap_or(most) {
            bits if bits <= most => Ok(Self { address, bits }),
            _ => Err(NotCidr),
        }
    }
}

impl Cidr {
    /// Whether all addresses of another block are in this one. Blocks of IPv4 and of IPv6 have none in common, but that an IPv4
    /// address may be written as one of IPv6 (`::ffff:10.0.0.1`).
    #[must_use]
    pub fn contains(&self, other: &Self) -> bool {
        // As they are written, too: a block of IPv6 may have all of those in it.
        self.has(other) || self.canonical().has(&other.canonical())
    }

    fn has(&self, other: &Self) -> bool {
        self.address.is_ipv4() == other.address.is_ipv4() && self.bits <= other.bits && {
            let away = width(self.address) - self.bits;
            let shift = |address| number(address).checked_shr(away).unwrap_or(0);
            shift(self.address) == shift(other.address)
        }
    }

    fn canonical(self) -> Self {
        match self.address.to_canonical() {
            address if address == self.address => self,
            address if self.bits >= 96 => Self { address, bits: self.bits - 96 },
            _ => self,
        }
    }
}

fn width(address: IpAddr) -> u32 {
    if address.is_ipv4() { 32 } else { 128 }
}

fn number(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(address) => u128::from(address.to_bits()),
        IpAddr::V6(address) => address.to_bits(),
    }
}
