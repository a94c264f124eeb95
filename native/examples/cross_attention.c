/*
 * Cross attention through the C ABI: one batch of three users, the second of whom has no history yet.
 *
 *     cc -std=c99 cross_attention.c -I native/include -L FOLDER -llongseqkernels_abi1 -Wl,-rpath,FOLDER -o cross_attention
 *
 * Prints the log-sum-exp of every target and head; without a history it is -infinity, and the output is zero.
 */
#include <longseqkernels/lsk.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

enum { USERS = 3, TARGETS = 4, EVENTS = 7, HEADS = 2, WIDTH = 8 };

static const int64_t target_offsets[USERS + 1] = { 0, 2, 3, 4 };  /* two targets for the first user, one for each other */
static const int64_t history_offsets[USERS + 1] = { 0, 5, 5, 7 }; /* five events, none, two */

/* A failure is a status; its text names the argument, what it was and what it must be. */
static void check(lsk_status status)
{
    if (status != LSK_OK) {
        fprintf(stderr, "status %d: %s\n", (int)status, lsk_last_error());
        exit(1);
    }
}

/* The projections of a model: here numbers between -1 and 1. */
static void fill(float* values, int count, int step)
{
    for (int i = 0; i < count; i++) {
        values[i] = (float)(i * step % 17 - 8) / 8;
    }
}

static lsk_buffer* allocate(lsk_context* context, size_t bytes, void** address)
{
    lsk_buffer* buffer = NULL;
    check(lsk_buffer_create(context, LSK_MEMORY_DEVICE, (int64_t)bytes, &buffer));
    check(lsk_buffer_pointer(buffer, address));
    return buffer;
}

int main(void)
{
    float queries[TARGETS * HEADS * WIDTH]; /* [T, H, dh] */
    float keys[EVENTS * HEADS * WIDTH];     /* [L, H, dh], user after user, no padding */
    float values[EVENTS * HEADS * WIDTH];
    float output[TARGETS * HEADS * WIDTH];
    float log_sum_exp[TARGETS * HEADS];
    fill(queries, TARGETS * HEADS * WIDTH, 7);
    fill(keys, EVENTS * HEADS * WIDTH, 5);
    fill(values, EVENTS * HEADS * WIDTH, 3);

    lsk_context* context = NULL;
    lsk_stream* stream = NULL;
    check(lsk_context_create(0, &context));
    check(lsk_stream_create(context, &stream));

    /* Plan once per batch shape; all layers of a model use it. */
    lsk_cross_attention_shape shape = { 0 };
    shape.struct_size = sizeof shape;
    shape.dtype = LSK_FLOAT32;
    shape.output_dtype = LSK_FLOAT32;
    shape.form = LSK_PROJECTED;
    shape.heads = HEADS;
    shape.head_width = WIDTH;
    shape.key_value_heads = HEADS;
    shape.queries_per_target = 1;
    shape.score = LSK_SOFTMAX;
    shape.scale = 0.5f;
    shape.segments = USERS;
    shape.target_offsets = target_offsets;
    shape.history_offsets = history_offsets;
    lsk_plan* plan = NULL;
    check(lsk_cross_attention_plan(context, &shape, &plan));

    int64_t workspace_bytes = 0;
    lsk_buffer* workspace = NULL;
    check(lsk_plan_workspace_bytes(plan, LSK_FORWARD, &workspace_bytes));
    check(lsk_buffer_create(context, LSK_MEMORY_WORKSPACE, workspace_bytes, &workspace));

    void *device_queries, *device_keys, *device_values, *device_output, *device_lse;
    lsk_buffer* buffers[] = {
        allocate(context, sizeof queries, &device_queries), allocate(context, sizeof keys, &device_keys),
        allocate(context, sizeof values, &device_values),   allocate(context, sizeof output, &device_output),
        allocate(context, sizeof log_sum_exp, &device_lse),
    };
    check(lsk_copy(stream, device_queries, queries, sizeof queries, LSK_HOST_TO_DEVICE));
    check(lsk_copy(stream, device_keys, keys, sizeof keys, LSK_HOST_TO_DEVICE));
    check(lsk_copy(stream, device_values, values, sizeof values, LSK_HOST_TO_DEVICE));

    lsk_cross_attention_tensors tensors = { 0 };
    tensors.struct_size = sizeof tensors;
    tensors.queries = device_queries;
    tensors.keys = device_keys;
    tensors.values = device_values;
    tensors.output = device_output;
    tensors.log_sum_exp = device_lse;
    check(lsk_cross_attention_forward(plan, &tensors, workspace, stream));

    check(lsk_copy(stream, output, device_output, sizeof output, LSK_DEVICE_TO_HOST));
    check(lsk_copy(stream, log_sum_exp, device_lse, sizeof log_sum_exp, LSK_DEVICE_TO_HOST));
    check(lsk_stream_synchronize(stream));

    for (int user = 0; user < USERS; user++) {
        for (int64_t target = target_offsets[user]; target < target_offsets[user + 1]; target++) {
            printf("user %d, %d events, target %d: LSE", user, (int)(history_offsets[user + 1] - history_offsets[user]), (int)target);
            for (int head = 0; head < HEADS; head++) {
                printf(" %.4f", (double)log_sum_exp[target * HEADS + head]);
            }
            printf(", first output %.4f\n", (double)output[target * HEADS * WIDTH]);
        }
    }

    /* A context closes when everything that was made from it is gone. */
    for (size_t i = 0; i < sizeof buffers / sizeof buffers[0]; i++) {
        check(lsk_buffer_destroy(buffers[i]));
    }
    check(lsk_buffer_destroy(workspace));
    check(lsk_plan_destroy(plan));
    check(lsk_stream_destroy(stream));
    check(lsk_context_destroy(context));
    return 0;
}
