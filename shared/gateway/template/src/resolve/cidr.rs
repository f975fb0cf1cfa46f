//! `Fn::Cidr`, which divides a block of addresses.
//!
//! <https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/intrinsic-function-reference-cidr.html>

use super::Resolver;
use crate::error::{Fallible, Fault};
use crate::node::Node;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

const NAME: &str = "Fn::Cidr";
/// The most blocks that one call makes.
const MOST: u128 = 256;

/// A block of addresses, of either version, as a number.
struct Block {
    first: u128,
    prefix: u32,
    /// The bits of an address: 32 or 128.
    width: u32,
}

impl Block {
    /// Reads `192.168.0.0/24` or `2001:db8::/56`. Bits beyond the prefix are of no account.
    fn parse(text: &str) -> Option<Self> {
        let (address, prefix) = text.split_once('/')?;
        let prefix: u32 = prefix.parse().ok()?;
        let (first, width): (u128, u32) = match address.parse().ok()? {
            IpAddr::V4(address) => (u128::from(address.to_bits()), 32),
            IpAddr::V6(address) => (address.to_bits(), 128),
        };
        let host = width.checked_sub(prefix)?;
        // A whole 128 bits shift nothing out: nothing of the address is left then.
        let first = first.checked_shr(host).and_then(|net| net.checked_shl(host)).unwrap_or_default();
        Some(Self { first, prefix, width })
    }

    /// How many blocks with this many bits for hosts it holds; `None` where they are larger than it is.
    fn holds(&self, bits: u32) -> Option<u128> {
        let extra = self.width.checked_sub(bits)?.checked_sub(self.prefix)?;
        Some(1_u128.checked_shl(extra).unwrap_or(u128::MAX))
    }

    fn part(&self, index: u128, bits: u32) -> String {
        let first = self.first + index.checked_shl(bits).unwrap_or_default();
        let address = match u32::try_from(first) {
            Ok(bits) if self.width == 32 => IpAddr::V4(Ipv4Addr::from_bits(bits)),
            _ => IpAddr::V6(Ipv6Addr::from_bits(first)),
        };
        format!("{address}/{}", self.width - bits)
    }
}

impl Resolver<'_> {
    /// `Fn::Cidr: [block, count, bits for hosts]`.
    pub(super) fn cidr(&mut self, argument: &Node) -> Fallible<Node> {
        let wants =
            || Fault::intrinsic(argument.span, NAME, "wants a block of addresses, a count and a number of bits");
        let [block, count, bits] = argument.want_list(NAME).map_err(|_| wants())? else { return Err(wants()) };
        let text = self.text(block, NAME)?;
        let parsed = Block::parse(&text).ok_or_else(|| {
            let why = format!("divides blocks such as `10.0.0.0/16`, and `{text}` is not one");
            Fault::intrinsic(block.span, NAME, why)
        })?;
        let text = self.text(count, NAME)?;
        let number = text
            .parse()
            .ok()
            .filter(|number| (1..=MOST).contains(number))
            .ok_or_else(|| Fault::intrinsic(count.span, NAME, format!("makes 1 to {MOST} blocks, not `{text}`")))?;
        let text = self.text(bits, NAME)?;
        let width = parsed.width;
        let host = text.parse().ok().filter(|host| (1..=width).contains(host)).ok_or_else(|| {
            Fault::intrinsic(bits.span, NAME, format!("wants 1 to {width} bits for hosts, not `{text}`"))
        })?;
        if parsed.holds(host).is_none_or(|held| held < number) {
            let why = format!("cannot take {number} blocks with {host} bits for hosts out of this one");
            return Err(Fault::intrinsic(argument.span, NAME, why));
        }
        let parts = (0..number).map(|index| Node::text(argument.span, parsed.part(index, host)));
        Ok(Node::list(argument.span, parts.collect()))
    }
}
