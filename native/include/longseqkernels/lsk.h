/*
 * LongSeqKernels: attention from recommendation targets to very long user histories. The C ABI, and the only contract with the outside.
 *
 * Conventions
 * - Every function returns an lsk_status. The text of a failure is lsk_last_error(), per thread, valid until the thread's next call.
 *   Nothing throws, exits or prints. Every argument is checked before any work; the text names it, what it was and what it must be.
 * - A struct starts with struct_size, set by the caller to sizeof of the struct it was compiled with.
 * - The offsets and history limits of a shape are host memory, read during the call only; every tensor is device memory of the context's
 *   device, aligned to its element, in row-major order without padding.
 * - Ragged tensors: values [total, ...] with offsets [segments + 1], int64, starting at 0 and never decreasing. Rows of a user are
 *   contiguous, oldest first.
 * - Plan, then run. A plan is made once per batch shape, is immutable and may be used by several threads at once, each with its own
 *   workspace and outputs. A run only enqueues work on its stream. The same plan and inputs give the same bits.
 * - Types: storage fp32, bf16 or fp16; accumulation fp32. LSE is the natural logarithm. An empty history gives zero rows,
 *   LSE -infinity and zero gradients.
 * - Outputs must not overlap inputs or each other. Optional tensors are NULL.
 */
#ifndef LONGSEQKERNELS_LSK_H
#define LONGSEQKERNELS_LSK_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(_WIN32)
#define LSK_API __declspec(dllexport)
#else
#define LSK_API __attribute__((visibility("default")))
#endif

/* The version of this contract. It is part of the library's file name, so that a caller can never load another one. */
#define LSK_ABI_VERSION 1

/* The outcome of a call. */
typedef enum lsk_status {
    LSK_OK = 0,
    LSK_INVALID_ARGUMENT = 1,   /* an argument is out of range, misaligned, null or contradicts another */
    LSK_UNSUPPORTED = 2,        /* a valid request that this build or device has no kernel for */
    LSK_OUT_OF_MEMORY = 3,      /* host or device memory; the context stays usable */
    LSK_NO_DRIVER = 4,          /* no CUDA driver, or one older than this build needs */
    LSK_NO_DEVICE = 5,          /* no such device */
    LSK_UNSUPPORTED_DEVICE = 6, /* a device older than compute capability 8.0 */
    LSK_DEVICE_ERROR = 7,       /* a CUDA call failed; the context stays usable */
    LSK_CONTEXT_LOST = 8        /* a kernel failed; every further call on this context fails with the same text */
} lsk_status;

/* Storage type of a tensor's elements. */
typedef enum lsk_dtype {
    LSK_FLOAT32 = 0,
    LSK_BFLOAT16 = 1,
    LSK_FLOAT16 = 2
} lsk_dtype;

/* What the keys and values of a cross attention are. */
typedef enum lsk_history_form {
    LSK_PROJECTED = 0,          /* two tensors [L, Hkv, dh] */
    LSK_SHARED = 1              /* one tensor X [L, D] is key and value of every head; Hkv is 1 */
} lsk_history_form;

/* How the rows of a cross attention's history are stored. Encoded rows are those of lsk_summary_codec: codes, and a scale a row. */
typedef enum lsk_history_encoding {
    LSK_HISTORY_ENCODING_NONE = 0,    /* elements of the shape's dtype */
    LSK_HISTORY_ENCODING_FLOAT16 = 1, /* as LSK_ENCODING_FLOAT16 */
    LSK_HISTORY_ENCODING_INT8 = 2,    /* as LSK_ENCODING_INT8 */
    LSK_HISTORY_ENCODING_INT4 = 3     /* as LSK_ENCODING_INT4 */
} lsk_history_encoding;

/* What turns logits into weights. */
typedef enum lsk_score {
    LSK_SOFTMAX = 0,
    LSK_SILU = 1,               /* SiLU(x) / n, n = visible keys unless score_divisor says otherwise */
    LSK_IDENTITY = 2            /* x / n, n = 1 unless score_divisor says otherwise */
} lsk_score;

/* Element-wise functions of linear attention. */
typedef enum lsk_activation {
    LSK_ACTIVATION_SILU = 0,
    LSK_ACTIVATION_SHIFTED_ELU = 1, /* x for x >= 1, exp(x - 1) below */
    LSK_ACTIVATION_IDENTITY = 2
} lsk_activation;

/* How the rows of a segment become one row. */
typedef enum lsk_reduction {
    LSK_SUM = 0,
    LSK_MEAN = 1,
    LSK_MAX = 2                 /* ties go to the first row */
} lsk_reduction;

/* How summary rows are stored. */
typedef enum lsk_encoding {
    LSK_ENCODING_FLOAT16 = 0,   /* 2 bytes an element, scale 1 */
    LSK_ENCODING_INT8 = 1,      /* -127..127 times a scale per row */
    LSK_ENCODING_INT4 = 2       /* -7..7 times a scale per row, the even element in the low half of a byte */
} lsk_encoding;

/* Whether a sketch's rows are divided by the mass of tokens they received. */
typedef enum lsk_normalization {
    LSK_NORMALIZATION_NONE = 0,
    LSK_NORMALIZATION_MASS = 1  /* divided by the mass + 1e-8 */
} lsk_normalization;

/* Whether a gated FFN ends in a layer norm. */
typedef enum lsk_ffn_norm {
    LSK_FFN_NORM_NONE = 0,
    LSK_FFN_NORM_LAYER = 1
} lsk_ffn_norm;

/* What a run does with what its output already holds. */
typedef enum lsk_output_mode {
    LSK_OVERWRITE = 0,
    LSK_ADD = 1
} lsk_output_mode;

/* Which run a workspace is for. */
typedef enum lsk_direction {
    LSK_FORWARD = 0,
    LSK_BACKWARD = 1
} lsk_direction;

/* What a buffer is made of. */
typedef enum lsk_memory {
    LSK_MEMORY_DEVICE = 0,
    LSK_MEMORY_PINNED = 1,      /* host memory that copies run from at full speed */
    LSK_MEMORY_WORKSPACE = 2    /* device memory for runs; owned by one run at a time */
} lsk_memory;

/* Which way a copy goes. */
typedef enum lsk_copy_kind {
    LSK_HOST_TO_DEVICE = 0,
    LSK_DEVICE_TO_HOST = 1,
    LSK_DEVICE_TO_DEVICE = 2
} lsk_copy_kind;

typedef struct lsk_context lsk_context; /* one device; thread-safe */
typedef struct lsk_stream lsk_stream;   /* an ordered queue of work */
typedef struct lsk_event lsk_event;     /* a point in a stream */
typedef struct lsk_buffer lsk_buffer;   /* memory that the library allocated */
typedef struct lsk_plan lsk_plan;       /* how one operation runs one batch shape */
typedef struct lsk_graph lsk_graph;     /* captured work of a stream, ready to be replayed */

/* ---- library ------------------------------------------------------------------------------------------------------------ */

/* The contract's version: LSK_ABI_VERSION of the build. */
LSK_API lsk_status lsk_abi_version(int32_t* version);

/* What this build runs on: "cuda" or "emulated". Static text. */
LSK_API lsk_status lsk_build_target(const char** target);

/* Text of the calling thread's last failure, "" after a success. */
LSK_API const char* lsk_last_error(void);

/* Name, size and field offsets of every struct of this header as this build has them: lines "struct size field:offset ...". Static text. */
LSK_API lsk_status lsk_struct_layouts(const char** table);

/* The devices this build could run on; 0 with LSK_OK where a driver answers but has no device. */
LSK_API lsk_status lsk_device_count(int32_t* count);

/* ---- context ------------------------------------------------------------------------------------------------------------ */

/* What a device is. */
typedef struct lsk_device_info {
    uint32_t struct_size;
    int32_t compute_capability;      /* 10 * major + minor */
    int32_t multiprocessors;
    int32_t shared_memory_per_block; /* bytes a block may use */
    int64_t memory_bytes;
    int64_t l2_bytes;
    int32_t driver_version;          /* 1000 * major + 10 * minor */
    int32_t runtime_version;
    const char* name;                /* valid while the context lives */
} lsk_device_info;

/* Opens a device. */
LSK_API lsk_status lsk_context_create(int32_t device, lsk_context** context);

/* Closes it. Its streams, events, buffers, plans and graphs must have been destroyed; until then the call is refused. NULL is fine. */
LSK_API lsk_status lsk_context_destroy(lsk_context* context);

LSK_API lsk_status lsk_context_device_info(lsk_context* context, lsk_device_info* info);

/* Waits for all work of the device and reports its first failure. */
LSK_API lsk_status lsk_context_synchronize(lsk_context* context);

/* ---- streams and events --------------------------------------------------------------------------------------------------- */

LSK_API lsk_status lsk_stream_create(lsk_context* context, lsk_stream** stream);

/* A stream of the caller's (a cudaStream_t of the same device), which stays the caller's. */
LSK_API lsk_status lsk_stream_wrap(lsk_context* context, void* cuda_stream, lsk_stream** stream);

/* Waits for the stream's work, then destroys it. NULL is fine. */
LSK_API lsk_status lsk_stream_destroy(lsk_stream* stream);

LSK_API lsk_status lsk_stream_synchronize(lsk_stream* stream);

/* Makes later work of the stream wait for the event. */
LSK_API lsk_status lsk_stream_wait_event(lsk_stream* stream, lsk_event* event);

/* The cudaStream_t, for other libraries. */
LSK_API lsk_status lsk_stream_handle(lsk_stream* stream, void** cuda_stream);

/* Starts recording the stream's work instead of running it. */
LSK_API lsk_status lsk_stream_begin_capture(lsk_stream* stream);

/* Ends the recording and makes it replayable. Tensors, plans and workspaces of the recorded runs must outlive the graph. */
LSK_API lsk_status lsk_stream_end_capture(lsk_stream* stream, lsk_graph** graph);

LSK_API lsk_status lsk_graph_launch(lsk_graph* graph, lsk_stream* stream);
LSK_API lsk_status lsk_graph_destroy(lsk_graph* graph);

LSK_API lsk_status lsk_event_create(lsk_context* context, lsk_event** event);
LSK_API lsk_status lsk_event_record(lsk_event* event, lsk_stream* stream);
LSK_API lsk_status lsk_event_synchronize(lsk_event* event);

/* Time between two recorded events, after both have passed. */
LSK_API lsk_status lsk_event_elapsed(lsk_event* start, lsk_event* end, float* milliseconds);
LSK_API lsk_status lsk_event_destroy(lsk_event* event);

/* ---- memory --------------------------------------------------------------------------------------------------------------- */

/* Allocates; 0 bytes is fine. Device memory is not initialised. */
LSK_API lsk_status lsk_buffer_create(lsk_context* context, int32_t memory, int64_t bytes, lsk_buffer** buffer);

/* Frees after all work of the device that was enqueued before. NULL is fine. */
LSK_API lsk_status lsk_buffer_destroy(lsk_buffer* buffer);

LSK_API lsk_status lsk_buffer_pointer(lsk_buffer* buffer, void** pointer);
LSK_API lsk_status lsk_buffer_bytes(lsk_buffer* buffer, int64_t* bytes);

/* Copies in stream order. Host memory must stay valid until then; copies from or to pageable memory may block. */
LSK_API lsk_status lsk_copy(lsk_stream* stream, void* destination, const void* source, int64_t bytes, int32_t kind);

/* Fills with zero bytes in stream order. */
LSK_API lsk_status lsk_clear(lsk_stream* stream, void* destination, int64_t bytes);

/* ---- plans ---------------------------------------------------------------------------------------------------------------- */

/* Bytes of workspace that a run of this plan needs; 0: workspace may be NULL. */
LSK_API lsk_status lsk_plan_workspace_bytes(lsk_plan* plan, int32_t direction, int64_t* bytes);

/* Kernel, splits, and why, in lines. Valid while the plan lives. */
LSK_API lsk_status lsk_plan_explain(lsk_plan* plan, const char** text);
LSK_API lsk_status lsk_plan_destroy(lsk_plan* plan);

/* ---- cross attention and summary pooling -------------------------------------------------------------------------------------- */

/* o = sum_j w_j v_j, w = score_j(cap(scale * q . k_j) + bias_j) per head, cap(s) = c tanh(s / c). STCA, arXiv 2511.06077, section 3.1.
   An encoded history is decoded as it is read, to code * scale rounded to dtype; it has no backward, as summaries are quantised after training. */
typedef struct lsk_cross_attention_shape {
    uint32_t struct_size;
    int32_t dtype;                   /* of queries, keys, values, gradients */
    int32_t output_dtype;            /* of the output: dtype, or LSK_FLOAT32 for partial states */
    int32_t form;                    /* lsk_history_form */
    int32_t heads;                   /* H */
    int32_t head_width;              /* dh, or D for shared history */
    int32_t key_value_heads;         /* Hkv, a divisor of H; head h reads h * Hkv / H */
    int32_t queries_per_target;      /* nq */
    int32_t broadcast_queries;       /* 1: queries [M, nq, H, dh] are those of every segment, each of which has M targets */
    int32_t score;                   /* lsk_score */
    float scale;                     /* factor of q . k */
    float soft_cap;                  /* c, 0 for none */
    float score_divisor;             /* n of SiLU and identity, 0 for their default */
    int32_t history_encoding;        /* lsk_history_encoding */
    int64_t segments;
    const int64_t* target_offsets;   /* [segments + 1] */
    const int64_t* history_offsets;  /* [segments + 1] */
    const int64_t* history_limits;   /* [T] first events each target sees, or NULL for all */
} lsk_cross_attention_shape;

typedef struct lsk_cross_attention_tensors {
    uint32_t struct_size;
    const void* queries;             /* [T, nq, H, dh], or [M, nq, H, dh] when broadcast */
    const void* keys;                /* [L, Hkv, dh], or X [L, D]; encoded: the codes of these L * Hkv rows */
    const void* values;              /* [L, Hkv, dh]; NULL for shared history */
    const float* key_scales;         /* [L, Hkv] of encoded keys, or [L] of X; not read for fp16 codes; NULL where nothing is encoded */
    const float* value_scales;       /* likewise of values; NULL for shared history */
    const float* key_bias;           /* [L] or NULL */
    void* output;                    /* [T, nq, H, dh] of output_dtype */
    float* log_sum_exp;              /* [T, nq, H] or NULL; softmax only */
} lsk_cross_attention_tensors;

/* Backward: output and log_sum_exp of the tensors are inputs then. Gradients that are NULL are not computed; the others are overwritten. */
typedef struct lsk_cross_attention_gradients {
    uint32_t struct_size;
    const void* output_gradient;     /* [T, nq, H, dh] of dtype */
    const float* log_sum_exp_gradient; /* [T, nq, H] or NULL for 0 */
    void* query_gradient;            /* as queries; summed over segments when broadcast */
    void* key_gradient;              /* as keys; for shared history with the part of the values */
    void* value_gradient;            /* as values; NULL for shared history */
    float* key_bias_gradient;        /* [L] or NULL */
} lsk_cross_attention_gradients;

LSK_API lsk_status lsk_cross_attention_plan(lsk_context* context, const lsk_cross_attention_shape* shape, lsk_plan** plan);
LSK_API lsk_status lsk_cross_attention_forward(lsk_plan* plan, const lsk_cross_attention_tensors* tensors, lsk_buffer* workspace, lsk_stream* stream);
LSK_API lsk_status lsk_cross_attention_backward(lsk_plan* plan, const lsk_cross_attention_tensors* tensors,
                                                const lsk_cross_attention_gradients* gradients, lsk_buffer* workspace, lsk_stream* stream);

/* ---- merge states ----------------------------------------------------------------------------------------------------------- */

/* lse = ln sum_p exp(lse_p), o = sum_p exp(lse_p - lse) o_p over partial states of disjoint history parts, in their order. */
typedef struct lsk_merge_states_shape {
    uint32_t struct_size;
    int32_t parts;
    int32_t rows;
    int32_t width;
} lsk_merge_states_shape;

typedef struct lsk_merge_states_tensors {
    uint32_t struct_size;
    const float* outputs;            /* [parts, rows, width] */
    const float* log_sum_exps;       /* [parts, rows] */
    float* output;                   /* [rows, width]; not read by backward, may be NULL there */
    float* log_sum_exp;              /* [rows]; likewise */
} lsk_merge_states_tensors;

typedef struct lsk_merge_states_gradients {
    uint32_t struct_size;
    const float* output_gradient;    /* [rows, width] */
    const float* log_sum_exp_gradient; /* [rows] or NULL for 0 */
    float* output_gradients;         /* [parts, rows, width] */
    float* log_sum_exp_gradients;    /* [parts, rows] */
} lsk_merge_states_gradients;

LSK_API lsk_status lsk_merge_states_plan(lsk_context* context, const lsk_merge_states_shape* shape, lsk_plan** plan);
LSK_API lsk_status lsk_merge_states_forward(lsk_plan* plan, const lsk_merge_states_tensors* tensors, lsk_buffer* workspace, lsk_stream* stream);
LSK_API lsk_status lsk_merge_states_backward(lsk_plan* plan, const lsk_merge_states_tensors* tensors,
                                             const lsk_merge_states_gradients* gradients, lsk_buffer* workspace, lsk_stream* stream);

/* ---- linear attention --------------------------------------------------------------------------------------------------------- */

/* State M[b,h] += sum_j phi1(k_j) v_j^T; output o = phi1(q) phi2(s M) + (phi1(q) . phi1(k)) v. VISTA, arXiv 2510.22049, appendix B. */
typedef struct lsk_linear_attention_shape {
    uint32_t struct_size;
    int32_t dtype;
    int32_t heads;
    int32_t key_width;               /* dk */
    int32_t value_width;             /* dv */
    int32_t row_activation;          /* phi1, lsk_activation */
    int32_t state_activation;        /* phi2, lsk_activation */
    float state_scale;               /* s */
    int64_t segments;
    const int64_t* offsets;          /* [segments + 1]: history rows for the state, query rows for apply */
} lsk_linear_attention_shape;

typedef struct lsk_linear_attention_state_tensors {
    uint32_t struct_size;
    const void* keys;                /* [L, H, dk] */
    const void* values;              /* [L, H, dv] */
    float* state;                    /* [segments, H, dk, dv], added to; in the backward its gradient, an input */
    void* key_gradient;              /* backward only: [L, H, dk] */
    void* value_gradient;            /* backward only: [L, H, dv] */
} lsk_linear_attention_state_tensors;

typedef struct lsk_linear_attention_apply_tensors {
    uint32_t struct_size;
    const void* queries;             /* [T, H, dk] */
    const float* state;              /* [segments, H, dk, dv] */
    const void* self_keys;           /* [T, H, dk], or NULL: no self term */
    const void* self_values;         /* [T, H, dv], with self_keys */
    void* output;                    /* forward only: [T, H, dv] */
    const void* output_gradient;     /* backward only, as are the following */
    void* query_gradient;            /* overwritten */
    float* state_gradient;           /* added to */
    void* self_key_gradient;         /* overwritten; with self_keys */
    void* self_value_gradient;       /* overwritten; with self_keys */
} lsk_linear_attention_apply_tensors;

LSK_API lsk_status lsk_linear_attention_state_plan(lsk_context* context, const lsk_linear_attention_shape* shape, lsk_plan** plan);
LSK_API lsk_status lsk_linear_attention_state_forward(lsk_plan* plan, const lsk_linear_attention_state_tensors* tensors, lsk_buffer* workspace, lsk_stream* stream);
LSK_API lsk_status lsk_linear_attention_state_backward(lsk_plan* plan, const lsk_linear_attention_state_tensors* tensors, lsk_buffer* workspace, lsk_stream* stream);
LSK_API lsk_status lsk_linear_attention_apply_plan(lsk_context* context, const lsk_linear_attention_shape* shape, lsk_plan** plan);
LSK_API lsk_status lsk_linear_attention_apply_forward(lsk_plan* plan, const lsk_linear_attention_apply_tensors* tensors, lsk_buffer* workspace, lsk_stream* stream);
LSK_API lsk_status lsk_linear_attention_apply_backward(lsk_plan* plan, const lsk_linear_attention_apply_tensors* tensors, lsk_buffer* workspace, lsk_stream* stream);

/* ---- sketch attention --------------------------------------------------------------------------------------------------------- */

/* A_ji = softmax over prototypes j of scale * p_j . k_i for every token i; sketch = A V. SequenceO1, arXiv 2609.08443. */
typedef struct lsk_sketch_attention_shape {
    uint32_t struct_size;
    int32_t dtype;
    int32_t prototypes;              /* k */
    int32_t key_width;
    int32_t value_width;
    float scale;
    int32_t normalization;           /* lsk_normalization */
    int32_t reserved;                /* 0 */
    int64_t segments;
    const int64_t* history_offsets;  /* [segments + 1] */
} lsk_sketch_attention_shape;

typedef struct lsk_sketch_attention_tensors {
    uint32_t struct_size;
    const void* prototypes;          /* [k, dk] */
    const void* keys;                /* [L, dk] */
    const void* values;              /* [L, dv] */
    void* sketch;                    /* [segments, k, dv] */
    float* token_log_sum_exp;        /* [L] */
    float* mass;                     /* [segments, k] */
} lsk_sketch_attention_tensors;

/* Backward: sketch, token_log_sum_exp and mass of the tensors are inputs then. */
typedef struct lsk_sketch_attention_gradients {
    uint32_t struct_size;
    const void* sketch_gradient;     /* [segments, k, dv] */
    void* prototype_gradient;        /* [k, dk] */
    void* key_gradient;              /* [L, dk] */
    void* value_gradient;            /* [L, dv] */
} lsk_sketch_attention_gradients;

LSK_API lsk_status lsk_sketch_attention_plan(lsk_context* context, const lsk_sketch_attention_shape* shape, lsk_plan** plan);
LSK_API lsk_status lsk_sketch_attention_forward(lsk_plan* plan, const lsk_sketch_attention_tensors* tensors, lsk_buffer* workspace, lsk_stream* stream);
LSK_API lsk_status lsk_sketch_attention_backward(lsk_plan* plan, const lsk_sketch_attention_tensors* tensors,
                                                 const lsk_sketch_attention_gradients* gradients, lsk_buffer* workspace, lsk_stream* stream);

/* ---- linear ------------------------------------------------------------------------------------------------------------------- */

/* y = x W + b. */
typedef struct lsk_linear_shape {
    uint32_t struct_size;
    int32_t dtype;
    int32_t rows;
    int32_t input_width;
    int32_t output_width;
    int32_t output_mode;             /* of the forward's output and of every gradient */
} lsk_linear_shape;

typedef struct lsk_linear_tensors {
    uint32_t struct_size;
    const void* input;               /* [rows, in] */
    const void* weight;              /* [in, out] */
    const void* bias;                /* [out] or NULL; not read by backward */
    void* output;                    /* [rows, out]; forward only */
    const void* output_gradient;     /* [rows, out]; backward only, as are the following, each of which may be NULL */
    void* input_gradient;            /* [rows, in] */
    void* weight_gradient;           /* [in, out] */
    void* bias_gradient;             /* [out] */
} lsk_linear_tensors;

LSK_API lsk_status lsk_linear_plan(lsk_context* context, const lsk_linear_shape* shape, lsk_plan** plan);
LSK_API lsk_status lsk_linear_forward(lsk_plan* plan, const lsk_linear_tensors* tensors, lsk_buffer* workspace, lsk_stream* stream);
LSK_API lsk_status lsk_linear_backward(lsk_plan* plan, const lsk_linear_tensors* tensors, lsk_buffer* workspace, lsk_stream* stream);

/* ---- layer norm --------------------------------------------------------------------------------------------------------------- */

/* y = (x - mean) / sqrt(variance + epsilon) * gain + bias. */
typedef struct lsk_layer_norm_shape {
    uint32_t struct_size;
    int32_t dtype;
    int32_t rows;
    int32_t width;
    float epsilon;
} lsk_layer_norm_shape;

typedef struct lsk_layer_norm_tensors {
    uint32_t struct_size;
    const void* input;               /* [rows, width] */
    const void* gain;                /* [width] or NULL for 1 */
    const void* bias;                /* [width] or NULL for 0; not read by backward */
    void* output;                    /* [rows, width]; forward only */
    const void* output_gradient;     /* [rows, width]; backward only, as are the following, each of which may be NULL */
    void* input_gradient;            /* [rows, width] */
    void* gain_gradient;             /* [width] */
    void* bias_gradient;             /* [width] */
} lsk_layer_norm_tensors;

LSK_API lsk_status lsk_layer_norm_plan(lsk_context* context, const lsk_layer_norm_shape* shape, lsk_plan** plan);
LSK_API lsk_status lsk_layer_norm_forward(lsk_plan* plan, const lsk_layer_norm_tensors* tensors, lsk_buffer* workspace, lsk_stream* stream);
LSK_API lsk_status lsk_layer_norm_backward(lsk_plan* plan, const lsk_layer_norm_tensors* tensors, lsk_buffer* workspace, lsk_stream* stream);

/* ---- gated FFN ---------------------------------------------------------------------------------------------------------------- */

/* y = LN(((x Wu + bu) * silu(x Wv + bv)) Wo + bo). STCA, arXiv 2511.06077, section 3.1. */
typedef struct lsk_gated_ffn_shape {
    uint32_t struct_size;
    int32_t dtype;
    int32_t rows;
    int32_t width;                   /* D */
    int32_t hidden_width;            /* rD */
    int32_t norm;                    /* lsk_ffn_norm */
    float norm_epsilon;
    int32_t gradient_mode;           /* lsk_output_mode of every gradient of the backward */
} lsk_gated_ffn_shape;

typedef struct lsk_gated_ffn_tensors {
    uint32_t struct_size;
    const void* input;               /* [rows, D] */
    const void* up;                  /* Wu [D, rD] */
    const void* gate;                /* Wv [D, rD] */
    const void* down;                /* Wo [rD, D] */
    const void* up_bias;             /* [rD] or NULL */
    const void* gate_bias;           /* [rD] or NULL */
    const void* down_bias;           /* [D] or NULL */
    const void* norm_gain;           /* [D] or NULL for 1 */
    const void* norm_bias;           /* [D] or NULL for 0 */
    void* output;                    /* [rows, D]; forward only */
} lsk_gated_ffn_tensors;

/* Gradients that are NULL are not computed. */
typedef struct lsk_gated_ffn_gradients {
    uint32_t struct_size;
    const void* output_gradient;     /* [rows, D] */
    void* input;                     /* [rows, D] */
    void* up;                        /* [D, rD] */
    void* gate;                      /* [D, rD] */
    void* down;                      /* [rD, D] */
    void* up_bias;                   /* [rD] */
    void* gate_bias;                 /* [rD] */
    void* down_bias;                 /* [D] */
    void* norm_gain;                 /* [D] */
    void* norm_bias;                 /* [D] */
} lsk_gated_ffn_gradients;

LSK_API lsk_status lsk_gated_ffn_plan(lsk_context* context, const lsk_gated_ffn_shape* shape, lsk_plan** plan);
LSK_API lsk_status lsk_gated_ffn_forward(lsk_plan* plan, const lsk_gated_ffn_tensors* tensors, lsk_buffer* workspace, lsk_stream* stream);
LSK_API lsk_status lsk_gated_ffn_backward(lsk_plan* plan, const lsk_gated_ffn_tensors* tensors, const lsk_gated_ffn_gradients* gradients,
                                          lsk_buffer* workspace, lsk_stream* stream);

/* ---- segment reduce ------------------------------------------------------------------------------------------------------------- */

typedef struct lsk_segment_reduce_shape {
    uint32_t struct_size;
    int32_t dtype;
    int32_t reduction;               /* lsk_reduction */
    int32_t width;
    int64_t segments;
    const int64_t* offsets;          /* [segments + 1] */
} lsk_segment_reduce_shape;

typedef struct lsk_segment_reduce_tensors {
    uint32_t struct_size;
    const void* input;               /* [total, width] */
    void* output;                    /* [segments, width]; forward only */
    const void* output_gradient;     /* [segments, width]; backward only */
    void* input_gradient;            /* [total, width]; backward only */
} lsk_segment_reduce_tensors;

LSK_API lsk_status lsk_segment_reduce_plan(lsk_context* context, const lsk_segment_reduce_shape* shape, lsk_plan** plan);
LSK_API lsk_status lsk_segment_reduce_forward(lsk_plan* plan, const lsk_segment_reduce_tensors* tensors, lsk_buffer* workspace, lsk_stream* stream);
LSK_API lsk_status lsk_segment_reduce_backward(lsk_plan* plan, const lsk_segment_reduce_tensors* tensors, lsk_buffer* workspace, lsk_stream* stream);

/* ---- time embedding ------------------------------------------------------------------------------------------------------------- */

/* rows[i] += table[bucket(request_time[segment] - event_time[i])]; bucket(g) = 0 for g <= 0, else
   min(buckets - 1, 1 + floor(per_octave * log2(1 + g / unit))). */
typedef struct lsk_time_embedding_shape {
    uint32_t struct_size;
    int32_t dtype;
    int32_t width;
    int32_t buckets;
    double unit;
    int32_t per_octave;
    int32_t reserved;                /* 0 */
    int64_t segments;
    const int64_t* offsets;          /* [segments + 1] */
} lsk_time_embedding_shape;

typedef struct lsk_time_embedding_tensors {
    uint32_t struct_size;
    const int64_t* request_times;    /* [segments], device memory */
    const int64_t* event_times;      /* [total], device memory */
    const void* table;               /* [buckets, width]; forward only */
    void* rows;                      /* [total, width], added to; forward only */
    const void* row_gradient;        /* [total, width]; backward only */
    void* table_gradient;            /* [buckets, width], overwritten; backward only */
} lsk_time_embedding_tensors;

LSK_API lsk_status lsk_time_embedding_plan(lsk_context* context, const lsk_time_embedding_shape* shape, lsk_plan** plan);
LSK_API lsk_status lsk_time_embedding_forward(lsk_plan* plan, const lsk_time_embedding_tensors* tensors, lsk_buffer* workspace, lsk_stream* stream);
LSK_API lsk_status lsk_time_embedding_backward(lsk_plan* plan, const lsk_time_embedding_tensors* tensors, lsk_buffer* workspace, lsk_stream* stream);

/* ---- summary codec -------------------------------------------------------------------------------------------------------------- */

/* Rounds to nearest, ties to even; a zero row has scale 0. Values must be finite (and within fp16's range for fp16). */
typedef struct lsk_summary_codec_shape {
    uint32_t struct_size;
    int32_t encoding;                /* lsk_encoding */
    int32_t rows;
    int32_t width;
} lsk_summary_codec_shape;

typedef struct lsk_summary_codec_tensors {
    uint32_t struct_size;
    float* values;                   /* [rows, width]: read by encode, written by decode */
    void* codes;                     /* [rows, bytes per row]: 2 * width, width, or (width + 1) / 2 */
    float* scales;                   /* [rows] */
} lsk_summary_codec_tensors;

LSK_API lsk_status lsk_summary_codec_plan(lsk_context* context, const lsk_summary_codec_shape* shape, lsk_plan** plan);
LSK_API lsk_status lsk_summary_codec_encode(lsk_plan* plan, const lsk_summary_codec_tensors* tensors, lsk_buffer* workspace, lsk_stream* stream);
LSK_API lsk_status lsk_summary_codec_decode(lsk_plan* plan, const lsk_summary_codec_tensors* tensors, lsk_buffer* workspace, lsk_stream* stream);

/* ---- optimiser ------------------------------------------------------------------------------------------------------------------- */

/* One step of AdamW (arXiv 1711.05101) on fp32 parameters, with the gradient multiplied by gradient_scale (clipping) first. */
typedef struct lsk_adamw_shape {
    uint32_t struct_size;
    int32_t reserved;                /* 0 */
    int64_t parameters;
} lsk_adamw_shape;

typedef struct lsk_adamw_tensors {
    uint32_t struct_size;
    float learning_rate;
    float beta1;
    float beta2;
    float epsilon;
    float weight_decay;
    float gradient_scale;
    int32_t step;                    /* 1 for the first */
    const float* gradient;           /* [parameters] */
    float* parameter;                /* [parameters], updated, as are the moments */
    float* first_moment;             /* [parameters] */
    float* second_moment;            /* [parameters] */
} lsk_adamw_tensors;

LSK_API lsk_status lsk_adamw_plan(lsk_context* context, const lsk_adamw_shape* shape, lsk_plan** plan);
LSK_API lsk_status lsk_adamw_step(lsk_plan* plan, const lsk_adamw_tensors* tensors, lsk_buffer* workspace, lsk_stream* stream);

#ifdef __cplusplus
}
#endif

#endif
