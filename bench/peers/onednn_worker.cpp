// oneDNN on the CPU: softmax(q K^T) V as one partition of its graph API. Speaks the protocol of protocol.py; cross attention only.
#include <omp.h>
#include <time.h>

#include <chrono>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <iostream>
#include <map>
#include <memory>
#include <oneapi/dnnl/dnnl_graph.hpp>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

using namespace dnnl::graph;

namespace {

float uniform(uint64_t index, uint64_t seed) {
  uint64_t z = index * 0x9E3779B97F4A7C15ull + seed * 0xD1B54A32D192ED03ull;
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ull;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBull;
  z ^= z >> 31;
  return ((float)(z >> 40) * 0x1p-24f - 0.5f) * 3.46410162f;
}

using Buffer = std::unique_ptr<float, decltype(&free)>;

Buffer allocate(size_t count) {
  return Buffer(static_cast<float*>(aligned_alloc(64, (count * sizeof(float) + 4095) / 4096 * 4096)), &free);
}

Buffer filled(size_t count, uint64_t seed, float factor) {
  Buffer buffer = allocate(count);
  for (size_t i = 0; i < count; i++) buffer.get()[i] = uniform(i, seed) * factor;
  return buffer;
}

double cpu_seconds() {
  timespec t;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
  return t.tv_sec + t.tv_nsec * 1e-9;
}

double wall_seconds() { return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count(); }

struct Case {
  Buffer queries{nullptr, &free}, keys{nullptr, &free}, values{nullptr, &free}, output{nullptr, &free};
  size_t count = 0;
  std::function<void()> run;
};

std::unique_ptr<Case> make(std::map<std::string, std::string>& of, dnnl::engine& engine, dnnl::stream& stream) {
  if (of["op"] != "cross-attention" || of["direction"] != "forward" || of["dtype"] != "fp32") throw std::runtime_error("fp32 cross attention forward only");
  const int64_t T = std::stoll(of["targets"]), H = std::stoll(of["heads"]), d = std::stoll(of["width"]), L = std::stoll(of["length"]);
  omp_set_num_threads(std::stoi(of["threads"]));
  auto made = std::make_unique<Case>();
  made->count = (size_t)(T * H * d);
  made->queries = filled(made->count, 1, 1 / std::sqrt((float)d));  // the scale is folded into the queries
  made->keys = filled((size_t)(L * H * d), 2, 1);
  made->values = filled((size_t)(L * H * d), 3, 1);
  made->output = allocate(made->count);

  using LT = logical_tensor;
  const auto f32 = LT::data_type::f32;
  const LT::dims q_shape{1, H, T, d}, q_strides{T * H * d, d, H * d, 1}, kv_shape{1, H, L, d}, kv_strides{L * H * d, d, H * d, 1}, s_shape{1, H, T, L};
  LT q(0, f32, q_shape, q_strides), k(1, f32, kv_shape, kv_strides), v(2, f32, kv_shape, kv_strides);
  LT logits(4, f32, s_shape, LT::layout_type::strided), weights(6, f32, s_shape, LT::layout_type::strided), out(7, f32, q_shape, q_strides);
  op qk(0, op::kind::MatMul, {q, k}, {logits}, "qk");
  qk.set_attr<bool>(op::attr::transpose_b, true);
  op softmax(2, op::kind::SoftMax, {logits}, {weights}, "softmax");
  softmax.set_attr<int64_t>(op::attr::axis, -1);
  op pv(3, op::kind::MatMul, {weights, v}, {out}, "pv");
  graph attention(dnnl::engine::kind::cpu);
  attention.add_op(qk);
  attention.add_op(softmax);
  attention.add_op(pv);
  attention.finalize();
  auto partitions = attention.get_partitions();
  if (partitions.size() != 1) throw std::runtime_error("not fused: " + std::to_string(partitions.size()) + " partitions");
  std::vector<LT> inputs;
  std::vector<tensor> tensors;
  for (auto& port : partitions[0].get_input_ports()) {
    const auto id = port.get_id();
    inputs.push_back(id == 0 ? q : id == 1 ? k : v);
    tensors.emplace_back(inputs.back(), engine, id == 0 ? made->queries.get() : id == 1 ? made->keys.get() : made->values.get());
  }
  auto compiled = partitions[0].compile(inputs, {out}, engine);
  tensor result(out, engine, made->output.get());
  made->run = [compiled, tensors, result, &stream]() mutable {
    std::vector<tensor> outputs{result};
    compiled.execute(stream, tensors, outputs);
    stream.wait();
  };
  made->run();
  return made;
}

}  // namespace

int main() {
  dnnl::engine engine(dnnl::engine::kind::cpu, 0);
  dnnl::stream stream(engine);
  std::unique_ptr<Case> current;
  std::string line;
  while (std::getline(std::cin, line)) {
    std::istringstream words(line);
    std::string command, word;
    words >> command;
    if (command == "quit") break;
    try {
      if (command == "setup") {
        std::map<std::string, std::string> of;
        while (words >> word) of[word.substr(0, word.find('='))] = word.substr(word.find('=') + 1);
        current.reset();
        current = make(of, engine, stream);
        puts("ok");
      } else if (command == "go") {
        int n;
        words >> n;
        for (int i = 0; i < n; i++) {
          const double cpu = cpu_seconds(), start = wall_seconds();
          current->run();
          const double wall = wall_seconds() - start;
          printf("%.9f,%.9f ", wall, cpu_seconds() - cpu);
        }
        puts("");
      } else if (command == "check") {
        current->run();
        const float* o = current->output.get();
        const size_t n = current->count;
        double squares = 0;
        for (size_t i = 0; i < n; i++) squares += (double)o[i] * o[i];
        printf("%.9g %.9g %.9g %.9g %.9g\n", squares, o[0], o[n / 4], o[n / 2], o[n * 3 / 4]);
      }
    } catch (std::exception& error) {
      printf("err %s\n", error.what());
    }
    fflush(stdout);
  }
}
