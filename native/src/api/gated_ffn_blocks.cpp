// A gated FFN block of rows by block of rows: products, the gate between them, the norm behind them.
#include <algorithm>
#include "api/gated_ffn_plan.h"
#include "kernels/gated_ffn/fused.h"
#include "kernels/gated_ffn/gate.h"
#include "kernels/layer_norm/layer_norm.h"
#include "kernels/reduction/reduction.h"

namespace lsk {

namespace {
constexpr int64_t float_bytes = 4;

int64_t partials_bytes(const PlannedProduct& product) { return product.layout.splits * int64_t(product.rows) * product.columns * float_bytes; }

// What both directions do to a block of rows.
class BlockRun {
public:
    BlockRun(const Run<GatedFfnPlan>& run, const lsk_gated_ffn_tensors& tensors, const GatedFfnPieces& pieces, int64_t first)
        : plan_(run.plan()), run_(run), tensors_(tensors), pieces_(pieces), first_(first),
          rows_(static_cast<int>(std::min<int64_t>(run.plan().block_rows, run.plan().rows - first))) {}

    int rows() const { return rows_; }
    void* at(int64_t piece) const { return run_.workspace() + piece; }
    float* floats(int64_t piece) const { return static_cast<float*>(at(piece)); }
    const void* input() const { return row(tensors_.input); }
    const void* row(const void* tensor) const { return static_cast<const std::byte*>(tensor) + first_ * plan_.width * plan_.element_bytes(); }
    void* row(void* tensor) const { return static_cast<std::byte*>(tensor) + first_ * plan_.width * plan_.element_bytes(); }

    // A product over the rows of this block, the last of which may have fewer than planned.
    PlannedProduct of_block(PlannedProduct product) const {
        (product.product == Product::weight_gradient ? product.depth : product.rows) = rows_;
        return product;
    }
    void multiply(const PlannedProduct& product, const void* left, const void* right, const void* bias, void* output) const {
        run_.check(launch(of_block(product), left, right, bias, output, 0, floats(pieces_.scratch), run_.stream()));
    }
    void multiply_into_partials(const PlannedProduct& product, const void* left, const void* right, int64_t partials, int add) const {
        run_.check(launch_partials(of_block(product), left, right, floats(partials), add, floats(pieces_.scratch), run_.stream()));
    }

    // u, g, and h = u silu(g) where `hidden` says.
    void compute_hidden(int64_t hidden) const {
        multiply(plan_.to_hidden, input(), tensors_.up, tensors_.up_bias, at(pieces_.up));
        multiply(plan_.to_hidden, input(), tensors_.gate, tensors_.gate_bias, at(pieces_.gate));
        run_.check(launch_gate({at(pieces_.up), at(pieces_.gate), at(hidden), nullptr, hidden_elements(), plan_.dtype}, run_.stream()));
    }
    int64_t hidden_elements() const { return int64_t(rows_) * plan_.hidden_width; }

    LayerNormParams norm_params() const {
        LayerNormParams params{};
        params.input = at(pieces_.output);
        params.gain = tensors_.norm_gain;
        params.rows = rows_;
        params.width = plan_.width;
        params.dtype = plan_.dtype;
        params.blocks = plan_.norm_layout.blocks;
        params.epsilon = plan_.epsilon;
        params.lanes = plan_.norm_layout.lanes;
        return params;
    }

    RowAlignment alignment_with(std::initializer_list<const void*> tensors) const { return row_alignment(plan_.width * plan_.element_bytes(), tensors); }

private:
    const GatedFfnPlan& plan_;
    const Run<GatedFfnPlan>& run_;
    const lsk_gated_ffn_tensors& tensors_;
    const GatedFfnPieces& pieces_;
    int64_t first_;
    int rows_;
};

// The gradients that are sums over all rows: kept in fp32 over the blocks, stored at the end.
class RowSums {
public:
    explicit RowSums(const Run<GatedFfnPlan>& run) : plan_(run.plan()), run_(run) {
        const int64_t width = plan_.width, hidden = plan_.hidden_width;
        float* sums = reinterpret_cast<float*>(run.workspace() + plan_.backward_pieces.sums);
        up_bias = sums;
        gate_bias = sums + hidden;
        down_bias = sums + 2 * hidden;
        norm_gain = down_bias + width;
        norm_bias = norm_gain + width;
    }

    // Adds the column sums of a block's rows, [rows, width].
    void add_columns(const void* rows_tensor, int rows, int width, int parts, float* sums, int add) const {
        float* scratch = reinterpret_cast<float*>(run_.workspace() + plan_.backward_pieces.scratch);
        run_.check(launch_column_sums({rows_tensor, nullptr, nullptr, scratch, nullptr, rows, width, width, parts, plan_.dtype}, run_.stream()));
        add_parts(scratch, width, width, parts, sums, add);
    }
    void add_parts(const float* partials, int width, int64_t stride, int parts, float* sums, int add) const {
        run_.check(launch_partial_sums({partials, sums, width, stride, parts, LSK_FLOAT32, add, nullptr, 0}, run_.stream()));
    }
    void store(const float* partials, int64_t elements, int parts, void* gradient) const {
        if (gradient) run_.check(launch_partial_sums({partials, gradient, elements, elements, parts, plan_.dtype, plan_.add, nullptr, 0}, run_.stream()));
    }

    float *up_bias, *gate_bias, *down_bias, *norm_gain, *norm_bias;

private:
    const GatedFfnPlan& plan_;
    const Run<GatedFfnPlan>& run_;
};

// dz of a block, out of dy, and what it adds to the gradients of gain and bias.
void norm_backward(const Run<GatedFfnPlan>& run, const BlockRun& block, const RowSums& sums, const lsk_gated_ffn_gradients& g, int add) {
    const GatedFfnPlan& plan = run.plan();
    const GatedFfnPieces& pieces = plan.backward_pieces;
    const bool summed = g.norm_gain || g.norm_bias, summed_apart = summed && plan.norm_layout.summed_apart;
    float* partials = block.floats(pieces.scratch);
    LayerNormParams params = block.norm_params();
    params.output_gradient = block.row(g.output_gradient);
    params.input_gradient = block.at(pieces.output_gradient);
    params.moments = summed_apart ? partials + plan.norm_layout.partials_bytes / float_bytes : nullptr;
    params.partial_gradients = summed && !summed_apart ? partials : nullptr;
    params.alignment = block.alignment_with({params.gain, params.output_gradient});
    run.check(launch_layer_norm_backward(params, run.stream()));
    if (!summed) return;
    if (summed_apart)
        run.check(launch_column_sums({params.output_gradient, params.input, params.moments, partials + plan.width, partials, params.rows, 2 * int64_t(plan.width), plan.width,
                                      plan.norm_layout.parts, plan.dtype}, run.stream()));
    sums.add_parts(partials, plan.width, 2 * int64_t(plan.width), plan.norm_layout.parts, sums.norm_gain, add);
    sums.add_parts(partials + plan.width, plan.width, 2 * int64_t(plan.width), plan.norm_layout.parts, sums.norm_bias, add);
}

// Gradients of one block; `add` is 0 for the first.
void block_backward(const Run<GatedFfnPlan>& run, const BlockRun& block, const RowSums& sums, const lsk_gated_ffn_tensors& t, const lsk_gated_ffn_gradients& g, int add) {
    const GatedFfnPlan& plan = run.plan();
    const GatedFfnPieces& pieces = plan.backward_pieces;
    const bool inner = g.input || g.up || g.gate || g.up_bias || g.gate_bias;
    block.compute_hidden(pieces.hidden);
    const void* dz = block.row(g.output_gradient);
    if (plan.norm == LSK_FFN_NORM_LAYER) {
        block.multiply(plan.from_hidden, block.at(pieces.hidden), t.down, t.down_bias, block.at(pieces.output));
        norm_backward(run, block, sums, g, add);
        dz = block.at(pieces.output_gradient);
    }
    if (g.down) block.multiply_into_partials(plan.hidden_weight_gradient, block.at(pieces.hidden), dz, pieces.down_weights, add);
    if (g.down_bias) sums.add_columns(dz, block.rows(), plan.width, plan.width_sum_parts, sums.down_bias, add);
    if (!inner) return;
    block.multiply(plan.to_hidden_gradient, dz, t.down, nullptr, block.at(pieces.hidden_gradient));
    run.check(launch_gate_backward({block.at(pieces.up), block.at(pieces.gate), nullptr, block.at(pieces.hidden_gradient), block.hidden_elements(), plan.dtype}, run.stream()));
    const void *du = block.at(pieces.up), *dg = block.at(pieces.gate);
    if (g.up) block.multiply_into_partials(plan.input_weight_gradient, block.input(), du, pieces.up_weights, add);
    if (g.gate) block.multiply_into_partials(plan.input_weight_gradient, block.input(), dg, pieces.gate_weights, add);
    if (g.up_bias) sums.add_columns(du, block.rows(), plan.hidden_width, plan.hidden_sum_parts, sums.up_bias, add);
    if (g.gate_bias) sums.add_columns(dg, block.rows(), plan.hidden_width, plan.hidden_sum_parts, sums.gate_bias, add);
    if (!g.input) return;
    block.multiply_into_partials(plan.to_input_gradient, du, t.up, pieces.input_gradient, 0);
    block.multiply_into_partials(plan.to_input_gradient, dg, t.gate, pieces.input_gradient, 1);
    sums.store(block.floats(pieces.input_gradient), int64_t(block.rows()) * plan.width, plan.to_input_gradient.layout.splits, block.row(g.input));
}
}  // namespace

void GatedFfnPlan::lay_out() {
    const int multiprocessors = context->multiprocessors;
    const ProductTile tile = product_tile(dtype);
    block_rows = gated_ffn_block_rows(rows, hidden_width, tile.rows, tile.columns, multiprocessors);
    to_hidden = PlannedProduct(Product::forward, block_rows, hidden_width, width, dtype, *context);
    from_hidden = PlannedProduct(Product::forward, block_rows, width, hidden_width, dtype, *context);
    to_hidden_gradient = PlannedProduct(Product::input_gradient, block_rows, hidden_width, width, dtype, *context);
    to_input_gradient = PlannedProduct(Product::input_gradient, block_rows, width, hidden_width, dtype, *context, ProductResult::partials);
    input_weight_gradient = PlannedProduct(Product::weight_gradient, width, hidden_width, block_rows, dtype, *context, ProductResult::partials);
    hidden_weight_gradient = PlannedProduct(Product::weight_gradient, hidden_width, width, block_rows, dtype, *context, ProductResult::partials);
    hidden_sum_parts = column_sum_parts(block_rows, hidden_width, multiprocessors);
    width_sum_parts = column_sum_parts(block_rows, width, multiprocessors);
    norm_layout = layer_norm_layout(block_rows, width, static_cast<int>(element_bytes()), multiprocessors, layer_norm_summed_width(dtype), width_sum_parts);

    const int64_t hidden_bytes = int64_t(block_rows) * hidden_width * element_bytes(), output_bytes = int64_t(block_rows) * width * element_bytes();
    const int64_t forward_scratch = std::max(to_hidden.scratch_bytes(), from_hidden.scratch_bytes());
    if (forward == FfnForward::products) {
        WorkspacePieces pieces(workspace_ticket_bytes);
        forward_pieces.up = pieces.take(hidden_bytes);
        forward_pieces.gate = pieces.take(hidden_bytes);
        forward_pieces.output = pieces.take(norm == LSK_FFN_NORM_LAYER ? output_bytes : 0);
        forward_pieces.scratch = pieces.take(forward_scratch);
        forward_workspace = pieces.end();
    }

    WorkspacePieces backward(workspace_ticket_bytes);
    GatedFfnPieces& b = backward_pieces;
    b.up = backward.take(hidden_bytes);
    b.gate = backward.take(hidden_bytes);
    b.hidden = backward.take(hidden_bytes);
    b.hidden_gradient = backward.take(hidden_bytes);
    b.output = backward.take(output_bytes);
    b.output_gradient = backward.take(output_bytes);
    b.input_gradient = backward.take(partials_bytes(to_input_gradient));
    b.up_weights = backward.take(partials_bytes(input_weight_gradient));
    b.gate_weights = backward.take(partials_bytes(input_weight_gradient));
    b.down_weights = backward.take(partials_bytes(hidden_weight_gradient));
    b.sums = backward.take((2 * int64_t(hidden_width) + 3 * int64_t(width)) * float_bytes);
    b.scratch = backward.take(std::max({forward_scratch, to_hidden_gradient.scratch_bytes(), to_input_gradient.cublaslt_bytes(), input_weight_gradient.cublaslt_bytes(),
                                        hidden_weight_gradient.cublaslt_bytes(), norm_layout.workspace_bytes(),
                                        int64_t(hidden_sum_parts) * hidden_width * float_bytes, int64_t(width_sum_parts) * width * float_bytes}));
    backward_workspace = backward.end();
}

static void run_fused(const Run<GatedFfnPlan>& run, const lsk_gated_ffn_tensors& t) {
    const GatedFfnPlan& plan = run.plan();
    FusedFfnParams params{};
    params.input = t.input;
    params.up = t.up;
    params.gate = t.gate;
    params.down = t.down;
    params.up_bias = t.up_bias;
    params.gate_bias = t.gate_bias;
    params.down_bias = t.down_bias;
    params.norm_gain = t.norm_gain;
    params.norm_bias = t.norm_bias;
    params.output = t.output;
    params.rows = plan.rows;
    params.width = plan.width;
    params.hidden_width = plan.hidden_width;
    params.dtype = plan.dtype;
    params.norm = plan.norm;
    params.epsilon = plan.epsilon;
    params.row_alignment = row_alignment(plan.width * plan.element_bytes(), {t.input, t.down, t.output});
    params.hidden_alignment = row_alignment(plan.hidden_width * plan.element_bytes(), {t.up, t.gate});
    run.check(launch_fused_ffn(params, run.stream()));
}

void run_forward(const Run<GatedFfnPlan>& run, const lsk_gated_ffn_tensors& t) {
    const GatedFfnPlan& plan = run.plan();
    if (plan.forward == FfnForward::fused) return run_fused(run, t);
    const GatedFfnPieces& pieces = plan.forward_pieces;
    for (int64_t first = 0; first < plan.rows; first += plan.block_rows) {
        const BlockRun block(run, t, pieces, first);
        block.compute_hidden(pieces.up);
        const bool normed = plan.norm == LSK_FFN_NORM_LAYER;
        block.multiply(plan.from_hidden, block.at(pieces.up), t.down, t.down_bias, normed ? block.at(pieces.output) : block.row(t.output));
        if (!normed) continue;
        LayerNormParams params = block.norm_params();
        params.bias = t.norm_bias;
        params.output = block.row(t.output);
        params.alignment = block.alignment_with({params.gain, params.bias, params.output});
        run.check(launch_layer_norm(params, run.stream()));
    }
}

void run_backward(const Run<GatedFfnPlan>& run, const lsk_gated_ffn_tensors& t, const lsk_gated_ffn_gradients& g) {
    const GatedFfnPlan& plan = run.plan();
    const GatedFfnPieces& pieces = plan.backward_pieces;
    const RowSums sums(run);
    for (int64_t first = 0; first < plan.rows; first += plan.block_rows)
        block_backward(run, BlockRun(run, t, pieces, first), sums, t, g, first > 0);
    const auto at = [&](int64_t piece) { return reinterpret_cast<const float*>(run.workspace() + piece); };
    const int64_t weights = int64_t(plan.width) * plan.hidden_width;
    const int some = plan.rows > 0;  // without rows every sum is of nothing
    sums.store(at(pieces.up_weights), weights, some * plan.input_weight_gradient.layout.splits, g.up);
    sums.store(at(pieces.gate_weights), weights, some * plan.input_weight_gradient.layout.splits, g.gate);
    sums.store(at(pieces.down_weights), weights, some * plan.hidden_weight_gradient.layout.splits, g.down);
    sums.store(sums.up_bias, plan.hidden_width, some, g.up_bias);
    sums.store(sums.gate_bias, plan.hidden_width, some, g.gate_bias);
    sums.store(sums.down_bias, plan.width, some, g.down_bias);
    sums.store(sums.norm_gain, plan.width, some, g.norm_gain);
    sums.store(sums.norm_bias, plan.width, some, g.norm_bias);
}

}  // namespace lsk
