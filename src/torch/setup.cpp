// SPDX-License-Identifier: Apache-2.0
#include "torch/setup.hpp"

#include <ATen/Context.h>
#include <ATen/Parallel.h>
#include <ATen/Version.h>
#include <dlfcn.h>
#include <torch/cuda.h>
#include <torch/version.h>

#include <filesystem>

#include "base/text.hpp"
#include "measure/energy.hpp"
#include "torch/cuda.hpp"

namespace hwprof {
namespace {

template <typename Function>
Function loaded_symbol(const char* name) {
  return reinterpret_cast<Function>(::dlsym(RTLD_DEFAULT, name));
}

/// File that the BLAS in use comes from, links followed; empty when it is not a library of its own.
std::string blas_file() {
  void* symbol = ::dlsym(RTLD_DEFAULT, "sgemm_");
  Dl_info info{};
  if (symbol == nullptr || ::dladdr(symbol, &info) == 0 || info.dli_fname == nullptr) return {};
  std::error_code error;
  const auto path = std::filesystem::canonical(info.dli_fname, error);
  return error ? std::string(info.dli_fname) : path.string();
}

struct Blas {
  std::string text;
  bool slow = false;
};

Blas find_blas() {
  if (at::hasMKL()) return {"MKL", false};
  if (const auto config = loaded_symbol<char* (*)()>("openblas_get_config")) {
    Blas blas{std::string(base::trim(config())), false};
    if (const auto core = loaded_symbol<char* (*)()>("openblas_get_corename")) blas.text += " " + std::string(core());
    return blas;
  }
  const std::string file = blas_file();
  if (file.empty()) return {"built into libtorch", false};
  for (const char* fast : {"blis", "atlas", "armpl", "nvpl", "mkl", "essl"})
    if (file.find(fast) != std::string::npos) return {file, false};
  const bool reference = base::starts_with(std::filesystem::path(file).filename().string(), "libblas.so");
  return {(reference ? "reference BLAS " : "") + file, reference};
}

/// What libtorch's description of itself says behind key.
std::string config_line(const std::string& key) {
  const std::string config = at::show_config();
  const auto at = config.find(key);
  if (at == std::string::npos) return {};
  return std::string(base::trim(config.substr(at + key.size(), config.find('\n', at) - at - key.size())));
}

const char* yes_no(bool value) {
  return value ? "yes" : "no";
}

}  // namespace

int blas_threads() {
  const auto get = loaded_symbol<int (*)()>("openblas_get_num_threads");
  return get ? get() : 0;
}

void set_blas_threads(int threads) {
  const auto set = loaded_symbol<void (*)(int)>("openblas_set_num_threads");
  if (set && threads > 0) set(threads);
}

std::map<std::string, std::string> describe_libtorch(const torch::Device& device) {
  std::map<std::string, std::string> out;
  out["libtorch"] = TORCH_VERSION;
  out["onednn"] = yes_no(at::hasMKLDNN());
  const std::string capability = config_line("CPU capability usage: ");
  if (!capability.empty()) out["cpu_capability"] = capability;
  const Blas blas = find_blas();
  out["blas"] = blas.text;
  if (blas.slow && device.is_cpu())
    out["warning"] =
        "libtorch uses the reference BLAS, with which 1x1 convolutions are many times slower than need "
        "be; install OpenBLAS (Debian: libopenblas0)";
  if (device.is_cuda()) {
    out["cudnn"] = yes_no(at::globalContext().hasCuDNN());
    out["cudnn_benchmark"] = yes_no(at::globalContext().benchmarkCuDNN());
    out["tf32_cudnn"] = yes_no(at::globalContext().allowTF32CuDNN());
    out["tf32_cublas"] = yes_no(at::globalContext().allowTF32CuBLAS());
    out["cuda_devices"] = std::to_string(torch::cuda::device_count());
  }
  return out;
}

TorchSetup::TorchSetup(int threads, const torch::Device& device, const TorchOptions& options)
    : environment_(measuring::describe_host()),
      affinity_(threads),
      threads_before_(at::get_num_threads()),
      blas_threads_before_(blas_threads()),
      benchmark_before_(at::globalContext().benchmarkCuDNN()),
      cudnn_tf32_before_(at::globalContext().allowTF32CuDNN()),
      cublas_tf32_before_(at::globalContext().allowTF32CuBLAS()) {
  if (options.cudnn_benchmark) at::globalContext().setBenchmarkCuDNN(*options.cudnn_benchmark);
  if (options.tf32) {
    at::globalContext().setAllowTF32CuDNN(*options.tf32);
    at::globalContext().setAllowTF32CuBLAS(*options.tf32);
  }
  at::set_num_threads(threads);
  set_blas_threads(threads);
  environment_.merge(describe_libtorch(device));
  environment_["allocator"] = measuring::keep_freed_memory();
  environment_["tensor_memory"] = arena_.text();
  environment_["affinity"] = affinity_.text();
  environment_["threads"] = std::to_string(at::get_num_threads());
  if (blas_threads() > 0) environment_["blas_threads"] = std::to_string(blas_threads());
  environment_["denormals"] = at::globalContext().setFlushDenormal(true) ? "flushed" : "kept (not supported here)";
  environment_["gradients"] = "off (inference mode)";
  if (device.is_cuda()) {
    environment_["cuda_graph"] = yes_no(options.cuda_graph);
    environment_.merge(measuring::NvmlCounter(cuda::pci_bus(device)).state());
  }
}

TorchSetup::~TorchSetup() {
  at::globalContext().setFlushDenormal(false);
  at::globalContext().setBenchmarkCuDNN(benchmark_before_);
  at::globalContext().setAllowTF32CuDNN(cudnn_tf32_before_);
  at::globalContext().setAllowTF32CuBLAS(cublas_tf32_before_);
  at::set_num_threads(threads_before_);
  set_blas_threads(blas_threads_before_);
}

}  // namespace hwprof
