#include "libattest/lineage/bom.h"

#include "libattest/base/json.h"
#include "libattest/base/text.h"
#include "libattest/lineage/drawing.h"

namespace attest::lineage {

namespace {

std::string serial_number(const Sha256& digest) {
  std::string hex = to_hex(digest).substr(0, 32);
  hex[12] = '8';  // a UUID of a kind of our own (RFC 9562, version 8)
  hex[16] = 'a';
  return "urn:uuid:" + hex.substr(0, 8) + "-" + hex.substr(8, 4) + "-" + hex.substr(12, 4) + "-" +
         hex.substr(16, 4) + "-" + hex.substr(20);
}

OrderedJson hashes(const Sha256& digest) {
  return OrderedJson::array({{{"alg", "SHA-256"}, {"content", to_hex(digest)}}});
}

OrderedJson property(const std::string& name, const std::string& value) {
  return {{"name", name}, {"value", printable(value, 2000)}};
}

std::string in_words(const cbor::Value& value) {
  if (const auto* text = value.as_text()) return *text;
  if (const auto integer = value.as_integer()) return std::to_string(*integer);
  return "(" + std::string(value.type_name()) + ")";
}

// "quantize, to=q8_0"
std::string notes_of(const Origin& origin) {
  std::string text = operation_of(origin);
  if (origin.release() == nullptr || !origin.release()->operation) return text;
  for (const auto& [name, value] : origin.release()->operation->parameters)
    text += ", " + in_words(name) + "=" + in_words(value);
  return printable(text, 2000);
}

OrderedJson properties_of(const Origin& origin) {
  OrderedJson list = OrderedJson::array(
      {property("attest:operation", operation_of(origin)),
       property("attest:statement", std::to_string(origin.index)),
       property("attest:issuer", origin.issuer),
       property("attest:revoked", origin.revoked ? origin.revoked->reason : "no")});
  for (const std::string& jurisdiction : origin.jurisdictions())
    list.push_back(property("attest:jurisdiction", jurisdiction));
  for (const RunRecord& run : origin.runs)
    list.push_back(property("attest:training-run", std::to_string(run.index)));
  return list;
}

template <typename File>
OrderedJson file_components(const std::vector<File>& files, Sha256 File::* digest) {
  OrderedJson list = OrderedJson::array();
  for (const File& file : files)
    list.push_back(
        {{"type", "file"},
         {"name", printable(file.name)},
         {"hashes", hashes(file.*digest)},
         {"properties", OrderedJson::array({property("attest:size", std::to_string(file.size))})}});
  return list;
}

OrderedJson component(const Origin& origin) {
  const auto* release = origin.release();
  OrderedJson made = {{"type", release ? "machine-learning-model" : "data"},
                      {"publisher", printable(origin.issuer)},
                      {"name", printable(origin.name())}};
  // The digest of a manifest is no file's hash: then only the files have hashes.
  const bool single = release ? release->files.size() == 1 : origin.data_set()->files.size() == 1;
  if (single) made["hashes"] = hashes(*origin.subject.digest());
  if (!origin.licence().empty())
    made["licenses"] = OrderedJson::array({{{"license", {{"name", printable(origin.licence())}}}}});
  return made;
}

OrderedJson whole_component(const LineageGraph& graph, const LineageGraph::Node& node) {
  const Origin& origin = node.origin;
  OrderedJson made = component(origin);
  made["bom-ref"] = origin.subject.text();
  made["components"] =
      origin.release() ? file_components(origin.release()->files, &statement::ModelFile::sha256)
                       : file_components(origin.data_set()->files, &statement::DataFile::digest);
  OrderedJson ancestors = OrderedJson::array();
  OrderedJson data_sets = OrderedJson::array();
  for (const LineageGraph::Edge& edge : node.parents) {
    const Origin& parent = graph.nodes()[edge.parent].origin;
    ancestors.push_back(component(parent));
    if (parent.data_set()) data_sets.push_back({{"ref", parent.subject.text()}});
  }
  if (origin.release())
    made["pedigree"] = {{"ancestors", std::move(ancestors)}, {"notes", notes_of(origin)}};
  if (origin.data_set())
    made["data"] = OrderedJson::array({{{"type", "dataset"}, {"name", printable(origin.name())}}});
  else if (!data_sets.empty())
    made["modelCard"] = {{"modelParameters", {{"datasets", std::move(data_sets)}}}};
  made["properties"] = properties_of(origin);
  return made;
}

}  // namespace

std::string cyclonedx_bom(const VerifiedBundle& bundle, const std::string& version) {
  const LineageGraph& graph = bundle.graph();
  OrderedJson components = OrderedJson::array();
  OrderedJson dependencies = OrderedJson::array();
  for (std::size_t i = 0; i < graph.nodes().size(); ++i) {
    const LineageGraph::Node& node = graph.nodes()[i];
    OrderedJson on = OrderedJson::array();
    for (const LineageGraph::Edge& edge : node.parents) {
      const std::string parent = graph.nodes()[edge.parent].origin.subject.text();
      if (std::ranges::find(on, OrderedJson(parent)) == on.end()) on.push_back(parent);
    }
    dependencies.push_back({{"ref", node.origin.subject.text()}, {"dependsOn", std::move(on)}});
    if (i > 0) components.push_back(whole_component(graph, node));
  }
  const OrderedJson tool = {{"type", "application"}, {"name", "attestctl"}, {"version", version}};
  const OrderedJson bom = {
      {"$schema", "http://cyclonedx.org/schema/bom-1.6.schema.json"},
      {"bomFormat", "CycloneDX"},
      {"specVersion", "1.6"},
      {"serialNumber", serial_number(*bundle.subject().digest())},
      {"version", 1},
      {"metadata",
       {{"timestamp", to_rfc3339(bundle.ledger_time())},
        {"tools", {{"components", OrderedJson::array({tool})}}},
        {"component", whole_component(graph, graph.artefact())},
        {"properties",
         OrderedJson::array(
             {property("attest:log", bundle.checkpoint().origin()),
              property("attest:log-size", std::to_string(bundle.checkpoint().size()))})}}},
      {"components", std::move(components)},
      {"dependencies", std::move(dependencies)}};
  return to_pretty(bom) + "\n";
}

}  // namespace attest::lineage
