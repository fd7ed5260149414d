// SPDX-License-Identifier: Apache-2.0
// The part of DNNDK's interface that tools/runners/dpu/hwprof_run.cpp uses, declared from its documentation.
#pragma once

#define T_MODE_NORMAL 0
#define T_MODE_PROFILE 1

struct DPUKernel;
struct DPUTask;

extern "C" {
int dpuOpen();
int dpuClose();
DPUKernel* dpuLoadKernel(const char* name);
int dpuDestroyKernel(DPUKernel* kernel);
DPUTask* dpuCreateTask(DPUKernel* kernel, int mode);
int dpuDestroyTask(DPUTask* task);
int dpuRunTask(DPUTask* task);
}
