//! The comparison as a picture: a bar for each peer of every workload, relative to the native twin's rate.

use crate::outcome::Outcome;
use crate::peer::Kind;
use crate::sample::shown;
use anyhow::{Context, Result};
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};
use std::path::Path;

const WIDTH: u32 = 960;
const BAR: i32 = 16;
const GAP: i32 = 14;
/// Width for the names.
const LEFT: i32 = 260;
/// Width for the figures after the longest bar.
const RIGHT: i32 = 150;
const TOP: i32 = 40;
/// Longer bars are cut; the figure beside them shows the ratio.
const RATIO_MAX: f64 = 2.0;

/// Writes `compare.svg`.
///
/// # Errors
/// Where it cannot be written.
pub fn write(folder: &Path, outcomes: &[Outcome]) -> Result<()> {
    let path = folder.join("compare.svg");
    let bars: i32 = outcomes
        .iter()
        .map(|outcome| outcome.peers.len() as i32)
        .sum();
    let height = TOP + bars * BAR + outcomes.len() as i32 * GAP + 20;
    let area = SVGBackend::new(&path, (WIDTH, height as u32)).into_drawing_area();
    draw(&area, outcomes, height).with_context(|| format!("cannot write {}", path.display()))
}

type Area<'a> = DrawingArea<SVGBackend<'a>, plotters::coord::Shift>;

fn draw(area: &Area<'_>, outcomes: &[Outcome], height: i32) -> Result<()> {
    let scale = f64::from(WIDTH as i32 - LEFT - RIGHT) / RATIO_MAX;
    let text = |size: i32| ("sans-serif", size).into_font().color(&BLACK);
    area.fill(&WHITE)?;
    let title = "requests a second, as a share of the native twin's";
    area.draw_text(title, &text(15), (LEFT, 10))?;
    let one = LEFT + scale as i32;
    area.draw(&PathElement::new(
        vec![(one, TOP - 6), (one, height - 12)],
        BLACK.mix(0.4),
    ))?;
    let mut y = TOP;
    for outcome in outcomes {
        area.draw_text(outcome.workload, &text(14), (10, y))?;
        for peer in &outcome.peers {
            let right = text(12).pos(Pos::new(HPos::Right, VPos::Top));
            area.draw_text(&peer.name, &right, (LEFT - 8, y + 1))?;
            let ratio = outcome.ratio(&peer.name, Kind::Twin.name());
            let length = ratio.unwrap_or_default().min(RATIO_MAX) * scale;
            let bar = [(LEFT, y), (LEFT + length as i32, y + BAR - 3)];
            area.draw(&Rectangle::new(bar, color(&peer.name).filled()))?;
            let ratio = ratio.map_or_else(String::new, |ratio| format!("{ratio:.2}   "));
            let figure = format!("{ratio}{}/s", shown(peer.rate.middle));
            area.draw_text(&figure, &text(12), (LEFT + length as i32 + 6, y + 1))?;
            y += BAR;
        }
        y += GAP;
    }
    area.present()?;
    Ok(())
}

fn color(peer: &str) -> RGBColor {
    let known = [
        Kind::Host,
        Kind::HostCached,
        Kind::Twin,
        Kind::Spin,
        Kind::Wasmtime,
    ];
    let colors = [
        RGBColor(38, 110, 180),
        RGBColor(120, 180, 230),
        RGBColor(150, 150, 150),
        RGBColor(220, 120, 40),
        RGBColor(150, 90, 170),
    ];
    let found = known.iter().position(|kind| kind.name() == peer);
    found.map_or(RGBColor(90, 160, 90), |at| colors[at])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outcome::PeerOutcome;

    #[test]
    fn every_peer_has_a_bar() {
        let peer = PeerOutcome::of_rate;
        let outcomes = [Outcome {
            workload: "order",
            open_rate: 0.0,
            peers: vec![peer("host", 12_345.0), peer("native twin", 20_000.0)],
        }];
        let folder = stack::Home::temporary().unwrap();
        write(folder.path(), &outcomes).unwrap();
        let svg = std::fs::read_to_string(folder.path().join("compare.svg")).unwrap();
        for text in ["order", "native twin", "0.62   12,345/s", "1.00   20,000/s"] {
            assert!(svg.contains(text), "{text} in {svg}");
        }
    }
}
