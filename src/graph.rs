//! Graphs: the dependencies of migrations, and the graph of versions that the search runs on.
//!
//! The only code that knows petgraph. It knows neither files nor products: callers number their nodes.
#![deny(clippy::disallowed_methods)]

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::fmt::{Debug, Display};
use std::ops::Add;

use petgraph::algo::{dijkstra, tarjan_scc, toposort};
use petgraph::dot::{Config, Dot};
use petgraph::graph::{DiGraph, NodeIndex};
use petgraph::visit::{EdgeRef, Reversed};

/// Who must come before whom; nodes are numbered from 0.
#[derive(Clone, Debug)]
pub struct Dependencies {
    graph: DiGraph<(), ()>,
}

impl Dependencies {
    /// A graph of `count` nodes; each pair is (before, after).
    pub fn new(count: usize, pairs: impl IntoIterator<Item = (usize, usize)>) -> Dependencies {
        let mut graph = DiGraph::with_capacity(count, count);
        for _ in 0..count {
            graph.add_node(());
        }
        for (before, after) in pairs {
            graph.add_edge(NodeIndex::new(before), NodeIndex::new(after), ());
        }
        Dependencies { graph }
    }

    /// All nodes, each after those that come before it; nothing if there is a cycle.
    pub fn order(&self) -> Option<Vec<usize>> {
        let order = toposort(&self.graph, None).ok()?;
        Some(order.into_iter().map(NodeIndex::index).collect())
    }

    /// Every cycle, each as the nodes that one passes on the way round, beginning with its lowest number.
    pub fn cycles(&self) -> Vec<Vec<usize>> {
        let knots = tarjan_scc(&self.graph).into_iter();
        let is_cycle = |knot: &Vec<NodeIndex>| match knot.as_slice() {
            [alone] => self.graph.contains_edge(*alone, *alone),
            _ => true,
        };
        let mut cycles: Vec<Vec<usize>> = knots.filter(is_cycle).map(|knot| self.way_round(&knot)).collect();
        cycles.sort();
        cycles
    }

    /// One way round within a strongly connected knot: a shortest one through its lowest node.
    fn way_round(&self, knot: &[NodeIndex]) -> Vec<usize> {
        let Some(start) = knot.iter().copied().min() else { return Vec::new() };
        let mut came_from: BTreeMap<NodeIndex, NodeIndex> = BTreeMap::new();
        let mut queue = std::collections::VecDeque::from([start]);
        while let Some(node) = queue.pop_front() {
            let mut next: Vec<NodeIndex> = self.graph.neighbors(node).filter(|next| knot.contains(next)).collect();
            next.sort();
            for next in next {
                if next == start {
                    let mut way = vec![node.index()];
                    let mut at = node;
                    while let Some(before) = came_from.get(&at) {
                        at = *before;
                        way.push(at.index());
                    }
                    way.reverse();
                    return way;
                }
                if let Entry::Vacant(unseen) = came_from.entry(next) {
                    unseen.insert(node);
                    queue.push_back(next);
                }
            }
        }
        vec![start.index()]
    }
}

/// The graph of versions, as sparse as it can be: a move to any release of a stretch is one edge to the stretch.
///
/// Releases are numbered from 0 in the order of versions. Above them stands a binary tree of stretches; an edge that
/// leads from a release to a stretch stands for a move to each release inside, so that n releases have at most
/// n·2·log₂(n) edges where all moves would be n²/2. Entering a release further to the right in a stretch may cost more:
/// `skip(a, b)` is the cost of jumping over the releases from `a` until before `b`.
#[derive(Debug)]
pub struct VersionGraph<C> {
    graph: DiGraph<(), C>,
    releases: usize,
    leaves: usize,
}

impl<C: Copy + Default + PartialOrd + Add<Output = C> + Debug> VersionGraph<C> {
    /// The tree over `releases` releases, without moves.
    pub fn new(releases: usize, skip: impl Fn(usize, usize) -> C) -> VersionGraph<C> {
        let leaves = releases.next_power_of_two().max(1);
        let mut graph = DiGraph::with_capacity(releases + 2 * leaves, releases * 8);
        for _ in 0..releases + 2 * leaves {
            graph.add_node(());
        }
        let mut this = VersionGraph { graph, releases, leaves };
        for stretch in 1..leaves {
            let (left, right) = (2 * stretch, 2 * stretch + 1);
            let (from, middle) = (this.first_of(left), this.first_of(right));
            this.connect(this.stretch(stretch), this.stretch(left), C::default());
            if middle < releases {
                this.connect(this.stretch(stretch), this.stretch(right), skip(from, middle));
            }
        }
        for release in 0..releases {
            this.connect(this.stretch(leaves + release), NodeIndex::new(release), C::default());
        }
        this
    }

    /// Allows the moves from a release to each one in `low..=high`; `cost(first)` is that of a move to `first`.
    pub fn allow(&mut self, from: usize, low: usize, high: usize, cost: impl Fn(usize) -> C) {
        let (mut left, mut right) = (low + self.leaves, high + self.leaves + 1);
        while left < right {
            if left % 2 == 1 {
                self.connect(NodeIndex::new(from), self.stretch(left), cost(self.first_of(left)));
                left += 1;
            }
            if right % 2 == 1 {
                right -= 1;
                self.connect(NodeIndex::new(from), self.stretch(right), cost(self.first_of(right)));
            }
            left /= 2;
            right /= 2;
        }
    }

    /// The least cost from each release to `goal`; nothing where there is no way.
    pub fn costs_to(&self, goal: usize) -> Vec<Option<C>> {
        let costs = dijkstra(Reversed(&self.graph), NodeIndex::new(goal), None, |edge| *edge.weight());
        (0..self.releases).map(|release| costs.get(&NodeIndex::new(release)).copied()).collect()
    }

    fn connect(&mut self, from: NodeIndex, to: NodeIndex, cost: C) {
        self.graph.add_edge(from, to, cost);
    }

    fn stretch(&self, number: usize) -> NodeIndex {
        NodeIndex::new(self.releases + number)
    }

    /// The first release of a stretch.
    fn first_of(&self, stretch: usize) -> usize {
        let below = self.leaves.ilog2() - stretch.ilog2();
        (stretch << below) - self.leaves
    }
}

/// A graph in the DOT language, for graphviz: nodes and edges in the order they are given.
pub fn dot<N: Display, E: Display>(nodes: &[N], edges: &[(usize, usize, E)]) -> String {
    let mut graph = DiGraph::<String, String>::new();
    let label = |text: String| text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
    for node in nodes {
        graph.add_node(label(node.to_string()));
    }
    for (from, to, text) in edges {
        graph.add_edge(NodeIndex::new(*from), NodeIndex::new(*to), label(text.to_string()));
    }
    let options = [Config::NodeNoLabel, Config::EdgeNoLabel];
    let edge = |_: &DiGraph<String, String>, edge: petgraph::graph::EdgeReference<'_, String>| {
        format!("label = \"{}\" ", edge.weight())
    };
    let node =
        |_: &DiGraph<String, String>, (_, text): (NodeIndex, &String)| format!("shape = box label = \"{text}\" ");
    Dot::with_attr_getters(&graph, &options, &edge, &node).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_whole_cycle_is_named() {
        let graph = Dependencies::new(5, [(0, 1), (1, 2), (2, 3), (3, 1), (4, 4)]);
        assert_eq!(graph.order(), None);
        assert_eq!(graph.cycles(), vec![vec![1, 2, 3], vec![4]]);
    }

    proptest! {
        /// The sparse graph gives the same costs as all moves one by one.
        #[test]
        fn stretches_cost_what_moves_cost(
            releases in 1usize..20,
            spans in prop::collection::vec((0usize..20, 0usize..20), 0..20),
            weights in prop::collection::vec(0u32..3, 20),
        ) {
            let total = |from: usize, to: usize| weights[from..to].iter().sum::<u32>();
            let mut graph = VersionGraph::new(releases, total);
            let mut direct = DiGraph::<(), u32>::new();
            (0..releases).for_each(|_| { direct.add_node(()); });
            for (from, high) in spans.into_iter().filter(|(from, high)| from < high && *high < releases) {
                let cost = |to: usize| 1 + total(from + 1, to);
                graph.allow(from, from + 1, high, cost);
                for to in from + 1..=high {
                    direct.add_edge(NodeIndex::new(from), NodeIndex::new(to), cost(to));
                }
            }
            let expected = dijkstra(Reversed(&direct), NodeIndex::new(releases - 1), None, |edge| *edge.weight());
            let expected: Vec<_> = (0..releases).map(|node| expected.get(&NodeIndex::new(node)).copied()).collect();
            prop_assert_eq!(graph.costs_to(releases - 1), expected);
        }
    }
}
