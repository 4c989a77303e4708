// What custody verbs print: whose a device is, its timeline, its graph.
#pragma once

#include "cli/custody_log.h"
#include "cli/report.h"
#include "libattest/hardware/custody.h"

namespace attest::cli {

struct CustodyView {
  statement::Subject device;
  DeviceRecord record;
  hardware::CustodyVerdict verdict;
};

Report verify_report(const CustodyView& view);
// show_report does not judge: it passes wherever somebody speaks of the device.
Report show_report(const CustodyView& view);
// history_report gives a timeline; with `graph`, a graph of parties in DOT.
Report history_report(const CustodyView& view, bool graph);

}  // namespace attest::cli
