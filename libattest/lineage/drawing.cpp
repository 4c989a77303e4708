#include "libattest/lineage/drawing.h"

#include <algorithm>

#include "libattest/base/text.h"
#include "libattest/base/xml_text.h"

namespace attest::lineage {

namespace {

using Node = LineageGraph::Node;

std::string short_digest(const Origin& origin) {
  const std::string& text = origin.subject.text();
  return text.size() < 20 ? text : text.substr(0, 15) + "…" + text.substr(text.size() - 4);
}

// Within the quotes of DOT.
std::string dot_text(std::string_view text) {
  std::string safe;
  for (const char c : printable(text)) {
    if (c == '"' || c == '\\') safe += '\\';
    safe += c;
  }
  return safe;
}

// Within the quotes of a Mermaid label, which knows entities and no escapes.
std::string mermaid_text(std::string_view text) {
  std::string safe;
  for (const char c : printable(text)) {
    if (c == '"' || c == '#' || c == '<' || c == '>' || c == '&')
      safe += "#" + std::to_string(static_cast<unsigned char>(c)) + ";";
    else
      safe += c;
  }
  return safe;
}

constexpr int box_width = 210;
constexpr int box_height = 58;
constexpr int gap = 24;
constexpr int row_height = box_height + 56;

struct Place {
  int x = 0;
  int y = 0;
};

struct Layout {
  std::vector<Place> places;
  int width = 0;
  int height = 0;
};

// Rows by generation; within a row nodes stand in the order in which they were reached.
Layout lay_out(const LineageGraph& graph) {
  Layout layout;
  std::vector<int> in_row;
  for (const Node& node : graph.nodes()) {
    if (in_row.size() <= node.generation) in_row.resize(node.generation + 1, 0);
    ++in_row[node.generation];
  }
  const int widest = *std::ranges::max_element(in_row);
  layout.width = widest * (box_width + gap) + gap;
  layout.height = static_cast<int>(in_row.size()) * row_height + gap;
  std::vector<int> placed(in_row.size(), 0);
  for (const Node& node : graph.nodes()) {
    const std::size_t row = node.generation;
    const int left = (layout.width - in_row[row] * (box_width + gap) + gap) / 2;
    layout.places.push_back({left + placed[row]++ * (box_width + gap),
                             layout.height - (static_cast<int>(row) + 1) * row_height});
  }
  return layout;
}

std::string number(std::string_view name, int value) {
  return " " + std::string(name) + "=\"" + std::to_string(value) + "\"";
}

std::string svg_text(int x, int y, std::string_view style, const std::string& text) {
  return "  <text" + number("x", x) + number("y", y) + " class=\"" + std::string(style) + "\">" +
         text + "</text>\n";
}

std::string svg_box(const Node& node, const Place& at) {
  const Origin& origin = node.origin;
  const std::string style = origin.revoked ? "revoked" : origin.data_set() ? "data" : "model";
  std::string box = "  <g><title>" + xml_text(origin.subject.text(), 200) + " by " +
                    xml_text(origin.issuer, 200) + ", statement " + std::to_string(origin.index) +
                    "</title>\n  <rect class=\"" + style + "\"" + number("x", at.x) +
                    number("y", at.y) + number("width", box_width) + number("height", box_height) +
                    " rx=\"6\"/>\n";
  box += svg_text(at.x + 10, at.y + 20, "name", xml_text(origin.name(), 26));
  box += svg_text(at.x + 10, at.y + 36, "faint",
                  xml_text(operation_of(origin) + ", " + origin.issuer, 34));
  box += svg_text(at.x + 10, at.y + 51, "faint",
                  origin.revoked ? "REVOKED" : xml_text(short_digest(origin), 40));
  return box + "  </g>\n";
}

std::string svg_edge(const Place& child, const Place& parent, const std::string& role) {
  const int from_x = child.x + box_width / 2;
  const int to_x = parent.x + box_width / 2;
  const int to_y = parent.y + box_height;
  return "  <line class=\"edge\"" + number("x1", from_x) + number("y1", child.y) +
         number("x2", to_x) + number("y2", to_y) + " marker-end=\"url(#arrow)\"/>\n" +
         svg_text((from_x + to_x) / 2 + 4, (child.y + to_y) / 2, "faint", xml_text(role, 20));
}

constexpr std::string_view svg_style =
    "  <style>\n"
    "    text { font-family: sans-serif; font-size: 11px; fill: #222; }\n"
    "    .name { font-size: 13px; font-weight: bold; }\n"
    "    .faint { fill: #555; }\n"
    "    rect { fill: #f4f7fb; stroke: #46618c; }\n"
    "    .data { fill: #f6f4ea; stroke: #8c7a46; }\n"
    "    .revoked { fill: #fbeaea; stroke: #b00020; stroke-width: 2; }\n"
    "    .edge { stroke: #777; }\n"
    "  </style>\n"
    "  <defs><marker id=\"arrow\" viewBox=\"0 0 8 8\" refX=\"8\" refY=\"4\" markerWidth=\"8\" "
    "markerHeight=\"8\" orient=\"auto\"><path d=\"M0,0 L8,4 L0,8 z\" fill=\"#777\"/></marker>"
    "</defs>\n";

}  // namespace

std::string operation_of(const Origin& origin) {
  if (origin.release() == nullptr) return "data set";
  return origin.release()->operation ? origin.release()->operation->name : "release";
}

std::string draw_dot(const LineageGraph& graph) {
  std::string dot = "digraph lineage {\n  rankdir=BT;\n  node [shape=box];\n";
  for (std::size_t i = 0; i < graph.nodes().size(); ++i) {
    const Node& node = graph.nodes()[i];
    dot += "  n" + std::to_string(i) + " [label=\"" + dot_text(node.origin.name()) + "\\n" +
           dot_text(short_digest(node.origin)) +
           (node.origin.revoked ? "\\nREVOKED\", color=\"red" : "") + "\"];\n";
    for (const LineageGraph::Edge& edge : node.parents)
      dot += "  n" + std::to_string(i) + " -> n" + std::to_string(edge.parent) + " [label=\"" +
             dot_text(operation_of(node.origin) + " / " + edge.role) + "\"];\n";
  }
  return dot + "}\n";
}

std::string draw_mermaid(const LineageGraph& graph) {
  std::string text = "graph BT\n";
  for (std::size_t i = 0; i < graph.nodes().size(); ++i) {
    const Node& node = graph.nodes()[i];
    text += "  n" + std::to_string(i) + "[\"" + mermaid_text(node.origin.name()) +
            (node.origin.revoked ? " (REVOKED)" : "") + "\"]\n";
    for (const LineageGraph::Edge& edge : node.parents)
      text += "  n" + std::to_string(i) + " -- " + mermaid_text(edge.role) + " --> n" +
              std::to_string(edge.parent) + "\n";
  }
  return text;
}

std::string draw_svg(const LineageGraph& graph) {
  const Layout layout = lay_out(graph);
  std::string svg = "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 " +
                    std::to_string(layout.width) + " " + std::to_string(layout.height) + "\"" +
                    number("width", layout.width) + number("height", layout.height) + ">\n" +
                    std::string(svg_style);
  for (std::size_t i = 0; i < graph.nodes().size(); ++i)
    for (const LineageGraph::Edge& edge : graph.nodes()[i].parents)
      svg += svg_edge(layout.places[i], layout.places[edge.parent], edge.role);
  for (std::size_t i = 0; i < graph.nodes().size(); ++i)
    svg += svg_box(graph.nodes()[i], layout.places[i]);
  return svg + "</svg>\n";
}

}  // namespace attest::lineage
