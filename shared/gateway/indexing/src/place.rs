//! Places on the earth, as geolocations of the index are written and compared ("Indexing location data" of the guide).

use crate::value::Number;
use serde_json::Value as Json;

/// The earth's mean radius in metres.
const RADIUS: f64 = 6_371_008.8;

/// Latitude and longitude in degrees. Ordered by latitude first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    latitude: Number,
    longitude: Number,
}

/// In which order a geolocation field has its two numbers, where it does not name them (`TargetFieldOrder`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// Latitude first: the default.
    LatLon,
    /// Longitude first, as `GeoJSON` has it.
    LonLat,
}

impl Place {
    /// A place; `None` where it is not on the earth.
    #[must_use]
    pub fn new(latitude: f64, longitude: f64) -> Option<Self> {
        let on_earth = (-90.0..=90.0).contains(&latitude) && (-180.0..=180.0).contains(&longitude);
        let (latitude, longitude) = (Number::new(latitude)?, Number::new(longitude)?);
        on_earth.then_some(Self { latitude, longitude })
    }

    /// Degrees north.
    #[must_use]
    pub fn latitude(self) -> f64 {
        self.latitude.get()
    }

    /// Degrees east.
    #[must_use]
    pub fn longitude(self) -> f64 {
        self.longitude.get()
    }

    /// The place that a field's value says, in one of the forms that AWS lists: `POINT(lon lat)`, `"a,b"`, an object of `lat` or
    /// `latitude` and `lon` or `longitude`, an array of two numbers.
    #[must_use]
    pub fn read(value: &Json, order: Order) -> Option<Self> {
        let ordered = |first: f64, second: f64| match order {
            Order::LatLon => Self::new(first, second),
            Order::LonLat => Self::new(second, first),
        };
        match value {
            Json::String(text) => {
                let text = text.trim();
                let number = |text: &str| Number::read(text.trim()).map(Number::get);
                let point =
                    text.get(..5).filter(|begin| begin.eq_ignore_ascii_case("POINT")).and_then(|_| text.get(5..));
                if let Some(point) = point {
                    let (longitude, latitude) =
                        point.trim().strip_prefix('(')?.strip_suffix(')')?.trim().split_once(' ')?;
                    return Self::new(number(latitude)?, number(longitude)?);
                }
                let (first, second) = text.split_once(',')?;
                ordered(number(first)?, number(second)?)
            }
            Json::Array(pair) => match pair.as_slice() {
                [first, second] => ordered(first.as_f64()?, second.as_f64()?),
                _ => None,
            },
            Json::Object(fields) => {
                let field = |names: [&str; 2]| names.iter().find_map(|name| fields.get(*name))?.as_f64();
                Self::new(field(["lat", "latitude"])?, field(["lon", "longitude"])?)
            }
            _ => None,
        }
    }

    /// The way over the earth to another place, in metres.
    #[must_use]
    pub fn metres_to(self, other: Self) -> f64 {
        let (here, there) = (self.latitude().to_radians(), other.latitude().to_radians());
        let north = (there - here) / 2.0;
        let east = (other.longitude() - self.longitude()).to_radians() / 2.0;
        let h = north.sin().powi(2) + here.cos() * there.cos() * east.sin().powi(2);
        2.0 * RADIUS * h.sqrt().min(1.0).asin()
    }

    /// The least and the greatest place by latitude that can be within some metres.
    pub(crate) fn band(self, metres: f64) -> (Self, Self) {
        // A little more than the circle: what is in the band is measured.
        let degrees = (metres / RADIUS).to_degrees() * 1.000_001 + 1e-9;
        let at = |latitude: f64, longitude: f64| Self::new(latitude.clamp(-90.0, 90.0), longitude).unwrap_or(self);
        (at(self.latitude() - degrees, -180.0), at(self.latitude() + degrees, 180.0))
    }
}
