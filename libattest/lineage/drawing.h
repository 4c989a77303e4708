// A lineage as a drawing: Graphviz DOT, Mermaid, and SVG that needs no program to lay it out.
//
// Names come from statements that anyone may have written: all text is escaped. Pure functions.
#pragma once

#include <string>

#include "libattest/lineage/graph.h"

namespace attest::lineage {

// operation_of gives "quantize", or "release" for one without parents, or "data set".
std::string operation_of(const Origin& origin);

std::string draw_dot(const LineageGraph& graph);
std::string draw_mermaid(const LineageGraph& graph);
// draw_svg puts each generation in a row, the artefact at the bottom, its parents above it; a
// revoked artefact is red and says so in words.
std::string draw_svg(const LineageGraph& graph);

}  // namespace attest::lineage
