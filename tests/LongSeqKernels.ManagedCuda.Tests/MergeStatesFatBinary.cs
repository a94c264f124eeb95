// LongSeqKernels.ManagedCuda: hand-over between LongSeqKernels and ManagedCuda.
// Copyright (C) LongSeqKernels developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// This program is free software: you can redistribute it and/or modify it under the terms of the GNU General Public License as published by the Free
// Software Foundation, either version 3 of the License, or (at your option) any later version. It is distributed WITHOUT ANY WARRANTY; without even the
// implied warranty of MERCHANTABILITY or FITNESS FOR A PARTICULAR PURPOSE. See COPYING beside this project, or <https://www.gnu.org/licenses/>.

using System.Runtime.InteropServices;
using LongSeqKernels.Native;
using ManagedCuda;
using ManagedCuda.VectorTypes;

namespace LongSeqKernels.Tests;

/// <summary>An example: a kernel of LongSeqKernels, loaded from a fat binary and launched by ManagedCuda on tensors of LongSeqKernels.</summary>
/// <param name="context">The primary context of the tensors' device.</param>
/// <param name="fatBinary">native/src/kernels/merge_states/merge_states.cu, as the README of LongSeqKernels.ManagedCuda says.</param>
internal sealed class MergeStatesFatBinary(PrimaryContext context, byte[] fatBinary)
{
    /// <summary>lsk::merge_states::forward_kernel(lsk::MergeStatesParams).</summary>
    private const string KernelName = "_ZN3lsk12merge_states14forward_kernelENS_17MergeStatesParamsE";

    /// <summary>One warp merges one row.</summary>
    private const int WarpsPerBlock = 4;

    private readonly CudaKernel _kernel = context.LoadKernelFatBin(fatBinary, KernelName);

    /// <summary>Enqueues <c>lse = ln sum_p exp(lse_p)</c>, <c>o = sum_p exp(lse_p - lse) o_p</c>.</summary>
    /// <param name="stream">Where.</param>
    /// <param name="outputs"><c>[parts, rows, width]</c>.</param>
    /// <param name="logSumExps"><c>[parts, rows]</c>.</param>
    /// <param name="output"><c>[rows, width]</c>.</param>
    /// <param name="logSumExp"><c>[rows]</c>.</param>
    public void Forward(CudaStream stream, DeviceTensor<float> outputs, DeviceTensor<float> logSumExps, DeviceTensor<float> output, DeviceTensor<float> logSumExp)
    {
        long rows = logSumExp.Length;
        _kernel.BlockDimensions = new dim3(WarpsPerBlock * 32);
        _kernel.GridDimensions = new dim3((uint)((rows + WarpsPerBlock - 1) / WarpsPerBlock));
        _kernel.RunAsync(stream.Stream, new Parameters
        {
            Outputs = outputs.Pointer,
            LogSumExps = logSumExps.Pointer,
            Output = output.Pointer,
            LogSumExp = logSumExp.Pointer,
            Rows = rows,
            Parts = (int)(logSumExps.Length / rows),
            Width = (int)(output.Length / rows),
        });
    }

    /// <summary>lsk::MergeStatesParams of native/src/kernels/merge_states/merge_states.h.</summary>
    [StructLayout(LayoutKind.Sequential)]
    internal struct Parameters
    {
        public nint Outputs;
        public nint LogSumExps;
        public nint Output;
        public nint LogSumExp;
        public nint OutputGradient;
        public nint LogSumExpGradient;
        public nint OutputGradients;
        public nint LogSumExpGradients;
        public long Rows;
        public int Parts;
        public int Width;
    }
}
