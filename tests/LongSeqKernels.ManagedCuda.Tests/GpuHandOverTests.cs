// LongSeqKernels.ManagedCuda: hand-over between LongSeqKernels and ManagedCuda.
// Copyright (C) LongSeqKernels developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// This program is free software: you can redistribute it and/or modify it under the terms of the GNU General Public License as published by the Free
// Software Foundation, either version 3 of the License, or (at your option) any later version. It is distributed WITHOUT ANY WARRANTY; without even the
// implied warranty of MERCHANTABILITY or FITNESS FOR A PARTICULAR PURPOSE. See COPYING beside this project, or <https://www.gnu.org/licenses/>.

#nullable disable warnings // Fields are set by SetUp.

using LongSeqKernels.ManagedCuda;
using LongSeqKernels.Native;
using ManagedCuda;
using NUnit.Framework;

namespace LongSeqKernels.Tests;

/// <summary>Hand-over on a GPU: what calls the CUDA driver through ManagedCuda.</summary>
public sealed class GpuHandOverTests
{
    private const string FatBinaryVariable = "LSK_MERGE_STATES_FATBIN";

    private NativeDevice _device;
    private PrimaryContext _context;

    [OneTimeSetUp]
    public void AGpuIsThere()
    {
        if (NativeDevice.Count == 0)
        {
            Assert.Ignore($"{nameof(GpuHandOverTests)} was NOT RUN: it needs a GPU. {LongSeqNative.LoadReport}");
        }
    }

    [SetUp]
    public void Open()
    {
        _device = NativeDevice.Open();
        _context = _device.OpenPrimaryContext();
    }

    [TearDown]
    public void Close()
    {
        _context.Dispose();
        _device.Dispose();
    }

    [Test]
    public void WorkOfBothLibrariesKeepsItsOrder()
    {
        PrimaryContext context = _context;
        using var cudaStream = new CudaStream();
        using CudaDeviceVariable<float> variable = new float[] { 1, 2, 3, 4 };
        using NativeDevice device = context.OpenDevice();                        // context: a PrimaryContext
        using DeviceStream stream = cudaStream.ToDeviceStream(device);            // runs keep their place among ManagedCuda's work
        using DeviceTensor<float> logSumExps = device.Upload<float>([0, 0], stream);
        using DeviceTensor<float> output = device.Allocate<float>(2);
        using DeviceTensor<float> logSumExp = device.Allocate<float>(1);
        using NativeMergeStatesPlan plan = NativeMergeStatesPlan.Create(device, 2, 1, 2);

        using DeviceTensor<float> states = variable.ToDeviceTensor(device, HandOver.Lend);
        plan.Forward(stream, states, logSumExps, output, logSumExp);
        using CudaDeviceVariable<float> merged = output.ToCudaDeviceVariable();   // in the order of cudaStream
        cudaStream.Synchronize();

        Assert.That((device.Index, (float[])merged), Is.EqualTo((_device.Index, new float[] { 2, 3 })));
    }

    [Test]
    public void AKernelOfAFatBinaryDoesWhatThePlanDoes()
    {
        if (Environment.GetEnvironmentVariable(FatBinaryVariable) is not { Length: > 0 } path)
        {
            Assert.Ignore($"NOT RUN: {FatBinaryVariable} does not name a fat binary of merge_states.cu (README of LongSeqKernels.ManagedCuda).");
            return;
        }
        using DeviceStream stream = _device.CreateStream();
        using CudaStream cudaStream = stream.ToCudaStream();
        using DeviceTensor<float> outputs = _device.Upload<float>([.. Enumerable.Range(0, 3 * 5 * 40).Select(i => MathF.Sin(i))], stream);
        using DeviceTensor<float> logSumExps = _device.Upload<float>([.. Enumerable.Range(0, 3 * 5).Select(i => MathF.Cos(i))], stream);
        using DeviceTensor<float> logSumExp = _device.Allocate<float>(5);
        using DeviceTensor<float> byPlan = _device.Allocate<float>(5 * 40);
        using DeviceTensor<float> byKernel = _device.Allocate<float>(5 * 40);
        using NativeMergeStatesPlan plan = NativeMergeStatesPlan.Create(_device, 3, 5, 40);

        plan.Forward(stream, outputs, logSumExps, byPlan, logSumExp);
        new MergeStatesFatBinary(_context, File.ReadAllBytes(path)).Forward(cudaStream, outputs, logSumExps, byKernel, logSumExp);

        Assert.That(Download(byKernel, stream), Is.EqualTo(Download(byPlan, stream)));
    }

    private static float[] Download(DeviceTensor<float> tensor, DeviceStream stream)
    {
        var values = new float[tensor.Length];
        tensor.CopyTo(values.AsSpan(), stream);
        return values;
    }
}
