//! The broker against a client library of others: `rumqttc`, MQTT 3.1.1 and MQTT 5.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

use crate::world::World;
use drydock_broker::Limits;
use std::time::Duration;
use tokio::time::timeout;

const PATIENCE: Duration = Duration::from_secs(20);
const MESSAGES: usize = 500;

fn limits() -> Limits {
    Limits { publishes_per_second: 0, bytes_per_second: 0, ..Limits::default() }
}

/// Publishes at both levels and gets all of it back, in order.
#[tokio::test]
async fn rumqttc_over_mqtt_3() {
    use rumqttc::{AsyncClient, Event, MqttOptions, Packet, QoS};
    let world = World::new(limits()).await;
    let mut options = MqttOptions::new("three", world.address.ip().to_string(), world.address.port());
    options.set_keep_alive(Duration::from_secs(30));
    let (client, mut events) = AsyncClient::new(options, 64);
    client.subscribe("three/+/data", QoS::AtLeastOnce).await.unwrap();
    let publisher = client.clone();
    let mut sender = tokio::spawn(async move {
        for i in 0..MESSAGES {
            let qos = if i % 2 == 0 { QoS::AtLeastOnce } else { QoS::AtMostOnce };
            publisher.publish("three/1/data", qos, false, i.to_string()).await.unwrap();
        }
    });
    let mut next = 0;
    timeout(PATIENCE, async {
        while next < MESSAGES {
            if let Event::Incoming(Packet::Publish(message)) = events.poll().await.unwrap() {
                assert_eq!(message.topic, "three/1/data");
                assert_eq!(message.payload, next.to_string().as_bytes());
                next += 1;
            }
        }
        (&mut sender).await.unwrap();
    })
    .await
    .unwrap();
    client.disconnect().await.unwrap();
    while timeout(PATIENCE, events.poll()).await.unwrap().is_ok() {}
    let lines = world.tap.lines.lock().unwrap().clone();
    assert!(lines.iter().any(|l| l.starts_with("connected three v=0")), "{lines:?}");
}

/// The same with MQTT 5, its properties, and a session that is resumed.
#[tokio::test]
async fn rumqttc_over_mqtt_5() {
    use rumqttc::v5::mqttbytes::QoS;
    use rumqttc::v5::mqttbytes::v5::{ConnectProperties, Packet, PublishProperties};
    use rumqttc::v5::{AsyncClient, Event, MqttOptions};
    let world = World::new(Limits { stored_per_second: 0, ..limits() }).await;
    let connect = || {
        let mut options = MqttOptions::new("five", world.address.ip().to_string(), world.address.port());
        options.set_clean_start(false);
        options.set_connect_properties(ConnectProperties {
            session_expiry_interval: Some(600),
            ..ConnectProperties::new()
        });
        AsyncClient::new(options, 64)
    };
    let (client, mut events) = connect();
    client.subscribe("five", QoS::AtLeastOnce).await.unwrap();
    let properties = PublishProperties {
        content_type: Some("application/json".into()),
        response_topic: Some("five/reply".into()),
        user_properties: vec![("k".into(), "v".into())],
        ..PublishProperties::default()
    };
    client.publish_with_properties("five", QoS::AtLeastOnce, false, "{}", properties.clone()).await.unwrap();
    timeout(PATIENCE, async {
        loop {
            match events.poll().await.unwrap() {
                Event::Incoming(Packet::ConnAck(ack)) => assert!(!ack.session_present),
                Event::Incoming(Packet::Publish(message)) => {
                    let got = message.properties.unwrap();
                    assert_eq!(got.content_type, properties.content_type);
                    assert_eq!(got.response_topic, properties.response_topic);
                    assert_eq!(got.user_properties, properties.user_properties);
                    return;
                }
                _ => {}
            }
        }
    })
    .await
    .unwrap();
    client.disconnect().await.unwrap();
    while timeout(PATIENCE, events.poll()).await.unwrap().is_ok() {}
    drop(events);
    let message = drydock_broker::Message::new("five", "waited").with_qos(drydock_broker::Qos::AtLeastOnce);
    world.broker.publish(message, drydock_broker::Origin::Service).unwrap().durable().await.unwrap();
    let (_client, mut events) = connect();
    let mut present = false;
    timeout(PATIENCE, async {
        loop {
            match events.poll().await.unwrap() {
                Event::Incoming(Packet::ConnAck(ack)) => present = ack.session_present,
                Event::Incoming(Packet::Publish(message)) if message.payload == "waited" => return,
                _ => {}
            }
        }
    })
    .await
    .unwrap();
    assert!(present);
}

/// A shutdown tells every client and returns when their streams are closed.
#[tokio::test]
async fn a_shutdown_ends_every_connection() {
    use rumqttc::{AsyncClient, Event, MqttOptions, Packet};
    let world = World::new(limits()).await;
    let options = MqttOptions::new("s", world.address.ip().to_string(), world.address.port());
    let (_client, mut events) = AsyncClient::new(options, 8);
    while !matches!(timeout(PATIENCE, events.poll()).await.unwrap().unwrap(), Event::Incoming(Packet::ConnAck(_))) {}
    assert_eq!(world.broker.connections().len(), 1);
    let (_, ended) = tokio::join!(world.broker.shutdown(PATIENCE), timeout(PATIENCE, events.poll()));
    assert!(ended.unwrap().is_err());
    assert_eq!(world.broker.stats().connections, 0);
    let lines = world.tap.lines.lock().unwrap().clone();
    assert!(lines.iter().any(|l| l.starts_with("disconnected s SERVER_INITIATED_DISCONNECT v=0")), "{lines:?}");
}

/// What a service tells is made up for who hears it, and counts in any case.
#[tokio::test]
async fn what_nobody_hears_is_not_made_up() {
    use rumqttc::{AsyncClient, Event, MqttOptions, Packet, QoS};
    let world = World::new(limits()).await;
    let made = std::cell::Cell::new(0);
    let tell = |topic| {
        world.broker.tell(topic, || {
            made.set(made.get() + 1);
            "told".into()
        })
    };
    tell("unheard/1").unwrap();
    assert_eq!((made.get(), world.broker.stats().received), (0, 1));
    tell("heard/1").unwrap();
    assert_eq!((made.get(), world.broker.stats().received), (1, 2));
    let seen = world.tap.lines.lock().unwrap().iter().filter(|line| *line == "tap - heard/1 told").count();
    assert_eq!(seen, 1);
    let options = MqttOptions::new("ear", world.address.ip().to_string(), world.address.port());
    let (client, mut events) = AsyncClient::new(options, 8);
    client.subscribe("unheard/+", QoS::AtLeastOnce).await.unwrap();
    while !matches!(timeout(PATIENCE, events.poll()).await.unwrap().unwrap(), Event::Incoming(Packet::SubAck(_))) {}
    tell("unheard/1").unwrap();
    let message = timeout(PATIENCE, async {
        loop {
            if let Event::Incoming(Packet::Publish(message)) = events.poll().await.unwrap() {
                return message;
            }
        }
    });
    assert_eq!(message.await.unwrap().payload, "told");
    assert!(tell("un#heard").is_err());
    assert_eq!((made.get(), world.broker.stats().received), (2, 3));
}
