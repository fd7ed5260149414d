// SPDX-License-Identifier: Apache-2.0
#include "compiler/run_state.hpp"

#include "base/text.hpp"
#include "hwprof/error.hpp"

namespace hwprof::compiling {

RunState parse_state(const std::string& name, const std::string& place) {
  for (const RunState state :
       {RunState::measured, RunState::unsteady, RunState::failed, RunState::unsupported, RunState::out_of_memory})
    if (name == to_string(state)) return state;
  throw Error(Fault::input, place + ": unknown state " + base::in_quotes(name));
}

}  // namespace hwprof::compiling
