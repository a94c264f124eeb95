// wgmma for nvcc. An instruction names every accumulator register, so each N has its own text; the lists below spell them.
#pragma once
#include "device/platform.cuh"

namespace lsk::ptx {

LSK_DEVICE void wgmma_fence() { asm volatile("wgmma.fence.sync.aligned;" ::: "memory"); }
LSK_DEVICE void wgmma_commit() { asm volatile("wgmma.commit_group.sync.aligned;" ::: "memory"); }
template <int GroupsInFlight>
LSK_DEVICE void wgmma_wait() {
    asm volatile("wgmma.wait_group.sync.aligned %0;" ::"n"(GroupsInFlight) : "memory");
}

// Operands %0 to %(count - 1) of the text, and d[0] to d[count - 1] bound to them.
#define LSK_WGMMA_D4(i) "+f"(d[i]), "+f"(d[i + 1]), "+f"(d[i + 2]), "+f"(d[i + 3])
#define LSK_WGMMA_D16(i) LSK_WGMMA_D4(i), LSK_WGMMA_D4(i + 4), LSK_WGMMA_D4(i + 8), LSK_WGMMA_D4(i + 12)
#define LSK_WGMMA_D32(i) LSK_WGMMA_D16(i), LSK_WGMMA_D16(i + 16)
#define LSK_WGMMA_LIST4 "%0,%1,%2,%3"
#define LSK_WGMMA_LIST8 \
    LSK_WGMMA_LIST4 \
    ",%4,%5,%6,%7"
#define LSK_WGMMA_LIST16 \
    LSK_WGMMA_LIST8 \
    ",%8,%9,%10,%11,%12,%13,%14,%15"
#define LSK_WGMMA_LIST32 \
    LSK_WGMMA_LIST16 \
    ",%16,%17,%18,%19,%20,%21,%22,%23,%24,%25,%26,%27,%28,%29,%30,%31"
#define LSK_WGMMA_LIST48 \
    LSK_WGMMA_LIST32 \
    ",%32,%33,%34,%35,%36,%37,%38,%39,%40,%41,%42,%43,%44,%45,%46,%47"
#define LSK_WGMMA_LIST64 \
    LSK_WGMMA_LIST48 \
    ",%48,%49,%50,%51,%52,%53,%54,%55,%56,%57,%58,%59,%60,%61,%62,%63"
#define LSK_WGMMA_LIST96 \
    LSK_WGMMA_LIST64 \
    ",%64,%65,%66,%67,%68,%69,%70,%71,%72,%73,%74,%75,%76,%77,%78,%79,%80,%81,%82,%83,%84,%85,%86,%87,%88,%89,%90,%91,%92,%93,%94,%95"
#define LSK_WGMMA_LIST128 \
    LSK_WGMMA_LIST96 \
    ",%96,%97,%98,%99,%100,%101,%102,%103,%104,%105,%106,%107,%108,%109,%110,%111,%112,%113,%114,%115,%116,%117,%118,%119,%120,%121,%122,%123,%124,%125,%126,%127"
#define LSK_WGMMA_BIND4 LSK_WGMMA_D4(0)
#define LSK_WGMMA_BIND8 LSK_WGMMA_D4(0), LSK_WGMMA_D4(4)
#define LSK_WGMMA_BIND16 LSK_WGMMA_D16(0)
#define LSK_WGMMA_BIND32 LSK_WGMMA_D32(0)
#define LSK_WGMMA_BIND48 LSK_WGMMA_D32(0), LSK_WGMMA_D16(32)
#define LSK_WGMMA_BIND64 LSK_WGMMA_D32(0), LSK_WGMMA_D32(32)
#define LSK_WGMMA_BIND96 LSK_WGMMA_D32(0), LSK_WGMMA_D32(32), LSK_WGMMA_D32(64)
#define LSK_WGMMA_BIND128 LSK_WGMMA_D32(0), LSK_WGMMA_D32(32), LSK_WGMMA_D32(64), LSK_WGMMA_D32(96)

// Both operands from shared memory; P0 to P4 are the numbers of the operands after d.
#define LSK_WGMMA_SHARED(N, COUNT, TYPES, P0, P1, P2, P3, P4)                                                                     \
    asm volatile("{\n.reg .pred p;\nsetp.ne.b32 p, %" #P2 ", 0;\n"                                                               \
                 "wgmma.mma_async.sync.aligned.m64n" #N "k16.f32." TYPES " {" LSK_WGMMA_LIST##COUNT "}, %" #P0 ", %" #P1          \
                 ", p, 1, 1, %" #P3 ", %" #P4 ";\n}"                                                                              \
                 : LSK_WGMMA_BIND##COUNT                                                                                          \
                 : "l"(a), "l"(b), "r"(int(accumulate)), "n"(int(MajorA)), "n"(int(MajorB)))
// A from registers: P0 to P3 are its words.
#define LSK_WGMMA_REGISTERS(N, COUNT, TYPES, P0, P1, P2, P3, P4, P5, P6)                                                          \
    asm volatile("{\n.reg .pred p;\nsetp.ne.b32 p, %" #P5 ", 0;\n"                                                               \
                 "wgmma.mma_async.sync.aligned.m64n" #N "k16.f32." TYPES " {" LSK_WGMMA_LIST##COUNT                               \
                 "}, {%" #P0 ",%" #P1 ",%" #P2 ",%" #P3 "}, %" #P4 ", p, 1, 1, %" #P6 ";\n}"                                      \
                 : LSK_WGMMA_BIND##COUNT                                                                                          \
                 : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "l"(b), "r"(int(accumulate)), "n"(int(MajorB)))

// The same for tf32, whose operands are K-major only and 8 deep.
#define LSK_WGMMA_TF32_SHARED(N, COUNT, P0, P1, P2)                                                                               \
    asm volatile("{\n.reg .pred p;\nsetp.ne.b32 p, %" #P2 ", 0;\n"                                                               \
                 "wgmma.mma_async.sync.aligned.m64n" #N "k8.f32.tf32.tf32 {" LSK_WGMMA_LIST##COUNT "}, %" #P0 ", %" #P1 ", p, 1, 1;\n}" \
                 : LSK_WGMMA_BIND##COUNT                                                                                          \
                 : "l"(a), "l"(b), "r"(int(accumulate)))
#define LSK_WGMMA_TF32_REGISTERS(N, COUNT, P0, P1, P2, P3, P4, P5)                                                                \
    asm volatile("{\n.reg .pred p;\nsetp.ne.b32 p, %" #P5 ", 0;\n"                                                               \
                 "wgmma.mma_async.sync.aligned.m64n" #N "k8.f32.tf32.tf32 {" LSK_WGMMA_LIST##COUNT                                \
                 "}, {%" #P0 ",%" #P1 ",%" #P2 ",%" #P3 "}, %" #P4 ", p, 1, 1;\n}"                                                \
                 : LSK_WGMMA_BIND##COUNT                                                                                          \
                 : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "l"(b), "r"(int(accumulate)))

template <int N>
constexpr bool wgmma_supports = N == 8 || N == 16 || N == 32 || N == 64 || N == 96 || N == 128 || N == 192 || N == 256;

template <class T, int N, Major MajorA, Major MajorB>
struct WgmmaShared;
template <class T, int N, Major MajorB>
struct WgmmaRegisters;

#define LSK_WGMMA_TYPES "bf16.bf16"
template <int N, Major MajorA, Major MajorB>
struct WgmmaShared<bf16, N, MajorA, MajorB> {
    static LSK_DEVICE void run(float (&d)[N / 2], uint64_t a, uint64_t b, bool accumulate) {
        if constexpr (N == 8)
            LSK_WGMMA_SHARED(8, 4, LSK_WGMMA_TYPES, 4, 5, 6, 7, 8);
        else if constexpr (N == 16)
            LSK_WGMMA_SHARED(16, 8, LSK_WGMMA_TYPES, 8, 9, 10, 11, 12);
        else if constexpr (N == 32)
            LSK_WGMMA_SHARED(32, 16, LSK_WGMMA_TYPES, 16, 17, 18, 19, 20);
        else if constexpr (N == 64)
            LSK_WGMMA_SHARED(64, 32, LSK_WGMMA_TYPES, 32, 33, 34, 35, 36);
        else if constexpr (N == 96)
            LSK_WGMMA_SHARED(96, 48, LSK_WGMMA_TYPES, 48, 49, 50, 51, 52);
        else if constexpr (N == 128)
            LSK_WGMMA_SHARED(128, 64, LSK_WGMMA_TYPES, 64, 65, 66, 67, 68);
        else if constexpr (N == 192)
            LSK_WGMMA_SHARED(192, 96, LSK_WGMMA_TYPES, 96, 97, 98, 99, 100);
        else if constexpr (N == 256)
            LSK_WGMMA_SHARED(256, 128, LSK_WGMMA_TYPES, 128, 129, 130, 131, 132);
    }
};
template <int N, Major MajorB>
struct WgmmaRegisters<bf16, N, MajorB> {
    static LSK_DEVICE void run(float (&d)[N / 2], const uint32_t (&a)[4], uint64_t b, bool accumulate) {
        if constexpr (N == 8)
            LSK_WGMMA_REGISTERS(8, 4, LSK_WGMMA_TYPES, 4, 5, 6, 7, 8, 9, 10);
        else if constexpr (N == 16)
            LSK_WGMMA_REGISTERS(16, 8, LSK_WGMMA_TYPES, 8, 9, 10, 11, 12, 13, 14);
        else if constexpr (N == 32)
            LSK_WGMMA_REGISTERS(32, 16, LSK_WGMMA_TYPES, 16, 17, 18, 19, 20, 21, 22);
        else if constexpr (N == 64)
            LSK_WGMMA_REGISTERS(64, 32, LSK_WGMMA_TYPES, 32, 33, 34, 35, 36, 37, 38);
        else if constexpr (N == 96)
            LSK_WGMMA_REGISTERS(96, 48, LSK_WGMMA_TYPES, 48, 49, 50, 51, 52, 53, 54);
        else if constexpr (N == 128)
            LSK_WGMMA_REGISTERS(128, 64, LSK_WGMMA_TYPES, 64, 65, 66, 67, 68, 69, 70);
        else if constexpr (N == 192)
            LSK_WGMMA_REGISTERS(192, 96, LSK_WGMMA_TYPES, 96, 97, 98, 99, 100, 101, 102);
        else if constexpr (N == 256)
            LSK_WGMMA_REGISTERS(256, 128, LSK_WGMMA_TYPES, 128, 129, 130, 131, 132, 133, 134);
    }
};
#undef LSK_WGMMA_TYPES

#define LSK_WGMMA_TYPES "f16.f16"
template <int N, Major MajorA, Major MajorB>
struct WgmmaShared<fp16, N, MajorA, MajorB> {
    static LSK_DEVICE void run(float (&d)[N / 2], uint64_t a, uint64_t b, bool accumulate) {
        if constexpr (N == 8)
            LSK_WGMMA_SHARED(8, 4, LSK_WGMMA_TYPES, 4, 5, 6, 7, 8);
        else if constexpr (N == 16)
            LSK_WGMMA_SHARED(16, 8, LSK_WGMMA_TYPES, 8, 9, 10, 11, 12);
        else if constexpr (N == 32)
            LSK_WGMMA_SHARED(32, 16, LSK_WGMMA_TYPES, 16, 17, 18, 19, 20);
        else if constexpr (N == 64)
            LSK_WGMMA_SHARED(64, 32, LSK_WGMMA_TYPES, 32, 33, 34, 35, 36);
        else if constexpr (N == 96)
            LSK_WGMMA_SHARED(96, 48, LSK_WGMMA_TYPES, 48, 49, 50, 51, 52);
        else if constexpr (N == 128)
            LSK_WGMMA_SHARED(128, 64, LSK_WGMMA_TYPES, 64, 65, 66, 67, 68);
        else if constexpr (N == 192)
            LSK_WGMMA_SHARED(192, 96, LSK_WGMMA_TYPES, 96, 97, 98, 99, 100);
        else if constexpr (N == 256)
            LSK_WGMMA_SHARED(256, 128, LSK_WGMMA_TYPES, 128, 129, 130, 131, 132);
    }
};
template <int N, Major MajorB>
struct WgmmaRegisters<fp16, N, MajorB> {
    static LSK_DEVICE void run(float (&d)[N / 2], const uint32_t (&a)[4], uint64_t b, bool accumulate) {
        if constexpr (N == 8)
            LSK_WGMMA_REGISTERS(8, 4, LSK_WGMMA_TYPES, 4, 5, 6, 7, 8, 9, 10);
        else if constexpr (N == 16)
            LSK_WGMMA_REGISTERS(16, 8, LSK_WGMMA_TYPES, 8, 9, 10, 11, 12, 13, 14);
        else if constexpr (N == 32)
            LSK_WGMMA_REGISTERS(32, 16, LSK_WGMMA_TYPES, 16, 17, 18, 19, 20, 21, 22);
        else if constexpr (N == 64)
            LSK_WGMMA_REGISTERS(64, 32, LSK_WGMMA_TYPES, 32, 33, 34, 35, 36, 37, 38);
        else if constexpr (N == 96)
            LSK_WGMMA_REGISTERS(96, 48, LSK_WGMMA_TYPES, 48, 49, 50, 51, 52, 53, 54);
        else if constexpr (N == 128)
            LSK_WGMMA_REGISTERS(128, 64, LSK_WGMMA_TYPES, 64, 65, 66, 67, 68, 69, 70);
        else if constexpr (N == 192)
            LSK_WGMMA_REGISTERS(192, 96, LSK_WGMMA_TYPES, 96, 97, 98, 99, 100, 101, 102);
        else if constexpr (N == 256)
            LSK_WGMMA_REGISTERS(256, 128, LSK_WGMMA_TYPES, 128, 129, 130, 131, 132, 133, 134);
    }
};
#undef LSK_WGMMA_TYPES

// d[64 x N] (+)= A[64 x 16] B[16 x N], both operands from shared memory.
template <class T, int N, Major MajorA, Major MajorB>
LSK_DEVICE void wgmma_m64k16(float (&d)[N / 2], uint64_t a, uint64_t b, bool accumulate) {
    static_assert(wgmma_supports<N>);
    WgmmaShared<T, N, MajorA, MajorB>::run(d, a, b, accumulate);
}
// The same with A from registers.
template <class T, int N, Major MajorB>
LSK_DEVICE void wgmma_m64k16(float (&d)[N / 2], const uint32_t (&a)[4], uint64_t b, bool accumulate) {
    static_assert(wgmma_supports<N>);
    WgmmaRegisters<T, N, MajorB>::run(d, a, b, accumulate);
}

// d[64 x N] (+)= A[64 x 8] B[8 x N] in tf32.
template <int N>
LSK_DEVICE void wgmma_m64k8_tf32(float (&d)[N / 2], uint64_t a, uint64_t b, bool accumulate) {
    static_assert(wgmma_supports<N>);
    if constexpr (N == 8)
        LSK_WGMMA_TF32_SHARED(8, 4, 4, 5, 6);
    else if constexpr (N == 16)
        LSK_WGMMA_TF32_SHARED(16, 8, 8, 9, 10);
    else if constexpr (N == 32)
        LSK_WGMMA_TF32_SHARED(32, 16, 16, 17, 18);
    else if constexpr (N == 64)
        LSK_WGMMA_TF32_SHARED(64, 32, 32, 33, 34);
    else if constexpr (N == 96)
        LSK_WGMMA_TF32_SHARED(96, 48, 48, 49, 50);
    else if constexpr (N == 128)
        LSK_WGMMA_TF32_SHARED(128, 64, 64, 65, 66);
    else if constexpr (N == 192)
        LSK_WGMMA_TF32_SHARED(192, 96, 96, 97, 98);
    else if constexpr (N == 256)
        LSK_WGMMA_TF32_SHARED(256, 128, 128, 129, 130);
}
template <int N>
LSK_DEVICE void wgmma_m64k8_tf32(float (&d)[N / 2], const uint32_t (&a)[4], uint64_t b, bool accumulate) {
    static_assert(wgmma_supports<N>);
    if constexpr (N == 8)
        LSK_WGMMA_TF32_REGISTERS(8, 4, 4, 5, 6, 7, 8, 9);
    else if constexpr (N == 16)
        LSK_WGMMA_TF32_REGISTERS(16, 8, 8, 9, 10, 11, 12, 13);
    else if constexpr (N == 32)
        LSK_WGMMA_TF32_REGISTERS(32, 16, 16, 17, 18, 19, 20, 21);
    else if constexpr (N == 64)
        LSK_WGMMA_TF32_REGISTERS(64, 32, 32, 33, 34, 35, 36, 37);
    else if constexpr (N == 96)
        LSK_WGMMA_TF32_REGISTERS(96, 48, 48, 49, 50, 51, 52, 53);
    else if constexpr (N == 128)
        LSK_WGMMA_TF32_REGISTERS(128, 64, 64, 65, 66, 67, 68, 69);
    else if constexpr (N == 192)
        LSK_WGMMA_TF32_REGISTERS(192, 96, 96, 97, 98, 99, 100, 101);
    else if constexpr (N == 256)
        LSK_WGMMA_TF32_REGISTERS(256, 128, 128, 129, 130, 131, 132, 133);
}

}  // namespace lsk::ptx
