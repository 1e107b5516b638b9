//! A plan as a picture in the DOT language.

use super::{Plan, Release};

/// The steps of a plan as a graph in the DOT language, from where the installation is.
pub fn dot(plan: &Plan) -> String {
    let name = |release: &Release| match &release.chart {
        Some(chart) => format!("{}\nchart {chart}", release.app),
        None => release.app.to_string(),
    };
    let mut nodes = vec![name(&plan.from)];
    let mut edges = Vec::new();
    for step in &plan.steps {
        let mut text = name(&step.release);
        for migration in &step.migrations {
            text.push('\n');
            text.push_str(migration.as_str());
        }
        if step.deploy {
            edges.push((nodes.len() - 1, nodes.len(), format!("step {}", step.number)));
            nodes.push(text);
        } else if let Some(last) = nodes.last_mut() {
            *last = text;
        }
    }
    crate::graph::dot(&nodes, &edges)
}
