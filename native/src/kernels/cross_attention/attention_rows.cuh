// The rows of a work: where they are, what they see, and how their states become output.
#pragma once
#include "kernels/cross_attention/attention_scores.cuh"

namespace lsk::forward {

LSK_DEVICE int lane_index() { return ptx::thread_index() & 31; }

// Where the rows of a problem are: row r belongs to query r / G of the segment and to head kv * G + r % G.
struct RowMap {
    int heads, group;

    LSK_DEVICE explicit RowMap(const CrossAttentionParams& p) : heads(p.heads), group(p.heads_per_key_value) {}
    LSK_DEVICE int64_t operator()(int64_t first, int row) const { return first + int64_t(row / group) * heads + row % group; }
};

// How many tokens a row sees, of all the segment's.
LSK_DEVICE int visible(const CrossAttentionParams& p, const AttentionWork& work, int row) {
    if (!p.limits) return work.history_length;
    const int64_t limit = p.limits[work.first_target + row / p.heads_per_key_value / p.queries_per_target];
    return static_cast<int>(min(limit, int64_t(work.history_length)));
}

// Where what a warp's rows see of the work's tokens ends.
template <class Config>
struct RowBounds {
    int of[Config::row_tiles][2];
    int least;  // of all rows of the warp: slices that end before it need no mask

    LSK_DEVICE RowBounds(const CrossAttentionParams& p, const AttentionWork& work, int first_row) : least(work.token_end) {
        LSK_UNROLL for (int r = 0; r < Config::row_tiles; r++)
            LSK_UNROLL for (int h = 0; h < 2; h++) {
                const int row = first_row + r * 16 + h * 8 + lane_index() / 4;
                of[r][h] = row < work.rows ? min(visible(p, work, work.first_row + row), work.token_end) : work.token_end;
                least = min(least, of[r][h]);
            }
        LSK_UNROLL for (int offset = 16; offset >= 4; offset /= 2) least = min(least, __shfl_xor_sync(all_lanes, least, offset));
    }
};

// Starts copying the biases of `slice` tokens from `token` on.
LSK_DEVICE void load_bias(const CrossAttentionParams& p, const AttentionWork& work, std::byte* to, int slice, int token, int thread, int threads) {
    const float* from = p.key_bias + work.history_row + token;
    const int valid = work.token_end - token;
    for (int i = thread; i < slice; i += threads) ptx::cp_async4(ptx::shared_address(to) + static_cast<uint32_t>(i) * 4, i < valid ? from + i : p.key_bias, i < valid);
}

// 16 rows of a warp on their way out: from `first_row` of the work, with the lane's factors of rows g and g + 8.
struct OutgoingRows {
    std::byte* staged;  // 16 rows of the warp's own in shared memory, so that they leave as whole lines
    int first_row;
    int first_column;   // of the output that accumulator 0 holds
    int lane;
    float factor[2];
};

template <class Config, class Output>
LSK_DEVICE void store_columns(const CrossAttentionParams& p, const AttentionWork& work, const OutgoingRows& rows, const float (&o)[Config::columns][4], int first) {
    constexpr int columns = Config::staged, pitch = Config::template pitch<Output>, chunk = 16 / int(sizeof(Output));
    __syncwarp();  // the columns before have been read
    LSK_UNROLL for (int c = 0; c < columns / 8; c++)
        LSK_UNROLL for (int h = 0; h < 2; h++) {
            std::byte* const to = rows.staged + (rows.lane / 4 + h * 8) * pitch + (c * 8 + rows.lane % 4 * 2) * int(sizeof(Output));
            const float low = o[first / 8 + c][h * 2] * rows.factor[h], high = o[first / 8 + c][h * 2 + 1] * rows.factor[h];
            if constexpr (sizeof(Output) == 4)
                *reinterpret_cast<float2*>(to) = make_float2(low, high);
            else
                *reinterpret_cast<uint32_t*>(to) = Fragment<Output>::pack(low, high);
        }
    __syncwarp();
    const RowMap row_of(p);
    const int start = rows.first_column + first, width = p.width - start;
    Output* const output = static_cast<Output*>(p.output) + start;
    if (p.aligned_output) {
        LSK_ROLLED for (int i = rows.lane; i < 16 * columns / chunk; i += 32) {
            const int row = rows.first_row + i / (columns / chunk), column = i % (columns / chunk) * chunk;
            if (row < work.rows && column < width)
                *reinterpret_cast<uint4*>(output + row_of(work.output_row, work.first_row + row) * p.width + column) =
                    *reinterpret_cast<const uint4*>(rows.staged + i / (columns / chunk) * pitch + column * int(sizeof(Output)));
        }
    } else {
        LSK_ROLLED for (int i = rows.lane; i < 16 * columns; i += 32) {
            const int row = rows.first_row + i / columns, column = i % columns;
            if (row < work.rows && column < width)
                output[row_of(work.output_row, work.first_row + row) * p.width + column] =
                    *reinterpret_cast<const Output*>(rows.staged + i / columns * pitch + column * int(sizeof(Output)));
        }
    }
}

// Normalises and writes what a warp holds of its rows: columns from `first_column` on. The warp with column 0 writes the LSE.
template <class Config>
LSK_DEVICE void finish_rows(const CrossAttentionParams& p, const AttentionWork& work, const RowState<Config>& state, std::byte* staged, int warp_row, int first_column) {
    OutgoingRows rows{staged, 0, first_column, lane_index(), {}};
    LSK_UNROLL for (int r = 0; r < Config::row_tiles; r++) {
        rows.first_row = warp_row + r * 16;
        if (rows.first_row >= work.rows) return;
        LSK_UNROLL for (int h = 0; h < 2; h++) {
            const int row = rows.first_row + h * 8 + rows.lane / 4;
            if (p.score == Score::softmax) {
                float sum = state.sum[r][h] + __shfl_xor_sync(all_lanes, state.sum[r][h], 1);
                sum += __shfl_xor_sync(all_lanes, sum, 2);
                rows.factor[h] = sum > 0.0f ? 1.0f / sum : 0.0f;
                if (p.log_sum_exp && first_column == 0 && rows.lane % 4 == 0 && row < work.rows)
                    p.log_sum_exp[RowMap(p)(work.output_row, work.first_row + row)] = sum > 0.0f ? (state.top[r][h] + ptx::log2(sum)) * ln_2 : -INFINITY;
            } else {
                const int seen = row < work.rows ? visible(p, work, work.first_row + row) : 0;
                const float divisor = p.score_divisor != 0.0f ? p.score_divisor : p.score == Score::silu ? static_cast<float>(seen) : 1.0f;
                rows.factor[h] = seen > 0 ? 1.0f / divisor : 0.0f;
            }
        }
        LSK_UNROLL for (int first = 0; first < Config::width; first += Config::staged) {
            if (p.output_dtype == p.input_dtype)
                store_columns<Config, typename Config::Element>(p, work, rows, state.output[r], first);
            else
                store_columns<Config, float>(p, work, rows, state.output[r], first);
        }
    }
}

// Waits until at most `groups` of the thread's groups of copies are in flight. The count of an instruction is a constant.
LSK_DEVICE void wait_for_copies(int groups) {
    static_assert(max_stages == 8);
    switch (groups) {
        case 0: ptx::cp_async_wait<0>(); break;
        case 1: ptx::cp_async_wait<1>(); break;
        case 2: ptx::cp_async_wait<2>(); break;
        case 3: ptx::cp_async_wait<3>(); break;
        case 4: ptx::cp_async_wait<4>(); break;
        case 5: ptx::cp_async_wait<5>(); break;
        case 6: ptx::cp_async_wait<6>(); break;
        default: ptx::cp_async_wait<7>(); break;
    }
}

}  // namespace lsk::forward
