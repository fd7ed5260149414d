// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "hwprof/compiler.hpp"
#include "hwprof/error.hpp"
#include "hwprof/graph.hpp"
#include "hwprof/latency_table.hpp"
#include "hwprof/model.hpp"
#include "hwprof/net.hpp"
#include "hwprof/objective.hpp"
#include "hwprof/prim.hpp"
#include "hwprof/record.hpp"
#include "hwprof/run.hpp"
#include "hwprof/snpe.hpp"
#include "hwprof/space.hpp"
#include "hwprof/version.hpp"
