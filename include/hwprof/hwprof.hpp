// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "hwprof/attribution.hpp"
#include "hwprof/compiler.hpp"
#include "hwprof/device_log.hpp"
#include "hwprof/error.hpp"
#include "hwprof/graph.hpp"
#include "hwprof/model.hpp"
#include "hwprof/net.hpp"
#include "hwprof/objective.hpp"
#include "hwprof/prim.hpp"
#include "hwprof/record.hpp"
#include "hwprof/run.hpp"
#include "hwprof/space.hpp"
#include "hwprof/version.hpp"
