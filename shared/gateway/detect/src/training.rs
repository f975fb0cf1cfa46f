//! Behaviors that are learnt, and "GetBehaviorModelTrainingSummaries".
//!
//! The gates are AWS's ("ML Detect" of the guide): two weeks of datapoints, 25,000 of them, learnt anew each day, expired after 30
//! days. What is learnt is not, as AWS's models are not public: a baseline of ours, `behaviors::statistics`.

use crate::book::{Detect, MODELS, json};
use crate::dimension::page_size;
use crate::series::Scope;
use behaviors::Behavior;
use behaviors::statistics::Baseline;
use drydock_core::{ApiError, Done, Timestamp, Write, page};
use drydock_model::iot::{
    BehaviorModelTrainingSummary, GetBehaviorModelTrainingSummariesRequest, GetBehaviorModelTrainingSummariesResponse,
    ModelStatus,
};
use serde::{Deserialize, Serialize};
use smol_str::SmolStr;

const DAY: i64 = 24 * 3_600_000;
/// Over how long a model is trained.
const TRAINING: i64 = 14 * DAY;
/// How many datapoints a model needs.
const DATAPOINTS: usize = 25_000;
/// How long a model is used without being learnt anew.
const EXPIRES: i64 = 30 * DAY;

/// What was learnt of a behavior.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct ModelRow {
    started: Timestamp,
    /// When it was last looked whether there is enough to learn from.
    looked: Timestamp,
    /// How much there was then.
    points: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    learnt: Option<(Timestamp, Baseline)>,
}

impl ModelRow {
    fn status(&self) -> ModelStatus {
        match self.learnt {
            Some((at, _)) if self.looked.since(at) > EXPIRES => ModelStatus::Expired,
            Some(_) => ModelStatus::Active,
            None if self.looked.since(self.started) > TRAINING + EXPIRES => ModelStatus::Expired,
            None => ModelStatus::PendingBuild,
        }
    }
}

fn is_learnt(behavior: &Behavior) -> bool {
    behavior.criteria.as_ref().is_some_and(|criteria| criteria.ml_detection_config.is_some())
}

impl Detect {
    /// What was learnt of a behavior, where that is in use.
    pub(crate) fn learnt(&self, profile: &SmolStr, behavior: &str) -> Option<Baseline> {
        let model = self.models.get(&(profile.clone(), behavior.into()))?;
        let (_, baseline) = model.learnt.filter(|_| model.status() == ModelStatus::Active)?;
        Some(baseline)
    }

    /// Learns what is to be learnt, once a day.
    pub(crate) fn train(&mut self, end: Timestamp, done: &mut Done<()>) {
        let mut wanted = Vec::new();
        for (profile, row) in &self.profiles {
            let learnt = row.behaviors.iter().filter(|behavior| is_learnt(behavior));
            let each = learnt.map(|of| ((profile.clone(), SmolStr::new(&of.name)), Scope::of(of)));
            wanted.extend(each);
        }
        let gone: Vec<_> = self.models.keys().filter(|key| !wanted.iter().any(|(of, _)| of == *key)).cloned().collect();
        for key in gone {
            self.models.remove(&key);
            done.writes.push(Write::delete(MODELS, format!("{}/{}", key.0, key.1)));
        }
        for (key, scope) in wanted {
            let before = self.models.get(&key);
            if before.is_some_and(|model| end.since(model.looked) < DAY) {
                continue;
            }
            let mut model = before.cloned().unwrap_or(ModelRow { started: end, looked: end, points: 0, learnt: None });
            let since = end.plus_millis(-TRAINING);
            let points = self.series.things(&scope).flat_map(|thing| self.series.between(&scope, thing, (since, end)));
            let mut values: Vec<f64> = points.filter_map(|(_, reading)| reading.value().as_number()).collect();
            (model.looked, model.points) = (end, values.len());
            if values.len() >= DATAPOINTS && end.since(model.started) >= TRAINING {
                model.learnt = Baseline::learn(&mut values).map(|baseline| (end, baseline));
            }
            done.writes.push(Write::put(MODELS, format!("{}/{}", key.0, key.1), json(&model)));
            self.models.insert(key, model);
        }
    }

    /// "GetBehaviorModelTrainingSummaries".
    ///
    /// # Errors
    /// `ResourceNotFoundException` for a profile that is not there; `InvalidRequestException` for a token that is not one of this
    /// operation.
    pub fn training_summaries(
        &self,
        request: &GetBehaviorModelTrainingSummariesRequest,
    ) -> Result<GetBehaviorModelTrainingSummariesResponse, ApiError> {
        const OPERATION: &str = "GetBehaviorModelTrainingSummaries";
        if let Some(name) = &request.security_profile_name {
            self.profile(name)?;
        }
        let after = request.next_token.as_deref().map(|token| page::place(OPERATION, token)).transpose()?;
        let asked = |profile: &str| request.security_profile_name.as_deref().is_none_or(|name| name == profile);
        let mut summaries = Vec::new();
        for (profile, row) in self.profiles.iter().filter(|(profile, _)| asked(profile)) {
            let learnt = row.behaviors.iter().filter(|behavior| is_learnt(behavior));
            // In the order of the profile.
            summaries.extend(
                learnt
                    .enumerate()
                    .map(|(at, behavior)| (format!("{profile}/{at:04}"), self.summary(profile, &behavior.name))),
            );
        }
        let left = summaries.into_iter().filter(|(place, _)| after.as_ref().is_none_or(|after| place > after));
        let (page, next) = page::cut(left, page_size(request.max_results), |(place, _)| place.clone());
        let summaries = Some(page.into_iter().map(|(_, summary)| summary).collect());
        let next_token = next.map(|place| page::token(OPERATION, &place));
        Ok(GetBehaviorModelTrainingSummariesResponse { next_token, summaries })
    }

    #[expect(clippy::cast_precision_loss, reason = "the share of 25,000 datapoints")]
    fn summary(&self, profile: &SmolStr, behavior: &str) -> BehaviorModelTrainingSummary {
        let model = self.models.get(&(profile.clone(), behavior.into()));
        let share = model.map_or(0.0, |model| (model.points as f64 / DATAPOINTS as f64).min(1.0) * 100.0);
        BehaviorModelTrainingSummary {
            behavior_name: Some(behavior.to_owned()),
            datapoints_collection_percentage: Some(share),
            last_model_refresh_date: model.and_then(|model| model.learnt).map(|(at, _)| at),
            model_status: Some(model.map_or(ModelStatus::PendingBuild, ModelRow::status)),
            security_profile_name: Some(profile.to_string()),
            training_data_collection_start_date: model.map(|model| model.started),
        }
    }
}
