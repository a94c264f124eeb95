// LongSeqKernels.ManagedCuda: hand-over between LongSeqKernels and ManagedCuda.
// Copyright (C) LongSeqKernels developers
// SPDX-License-Identifier: GPL-3.0-or-later
//
// This program is free software: you can redistribute it and/or modify it under the terms of the GNU General Public License as published by the Free
// Software Foundation, either version 3 of the License, or (at your option) any later version. It is distributed WITHOUT ANY WARRANTY; without even the
// implied warranty of MERCHANTABILITY or FITNESS FOR A PARTICULAR PURPOSE. See COPYING beside this project, or <https://www.gnu.org/licenses/>.

#nullable disable warnings // Fields are set by SetUp.

using System.Text.RegularExpressions;
using LongSeqKernels.ManagedCuda;
using LongSeqKernels.Native;
using ManagedCuda;
using ManagedCuda.BasicTypes;
using NUnit.Framework;

namespace LongSeqKernels.Tests;

/// <summary>Hand-over both ways, over the library with emulated kernels: what needs no CUDA driver.</summary>
public sealed class HandOverTests
{
    private static readonly float[] States = [1, 2, 3, 4, 5, 6];

    private NativeDevice _device;
    private DeviceStream _stream;
    private DeviceTensor<float> _states;

    [OneTimeSetUp]
    public void TheLibraryIsThere() => EmulatedLibrary.Require(nameof(HandOverTests));

    [SetUp]
    public void Open()
    {
        _device = NativeDevice.OpenAny(0);
        _stream = _device.CreateStream();
        _states = _device.Upload<float>(States, _stream);
    }

    [TearDown]
    public void Close()
    {
        _states.Dispose();
        _stream.Dispose();
        _device.Dispose();
    }

    [Test]
    public void AVariableIsATensorOfTheSameMemory()
    {
        using CudaDeviceVariable<float> variable = Variable(_states);
        using DeviceTensor<float> tensor = variable.ToDeviceTensor(_device, HandOver.Lend);
        using DeviceTensor<float> logSumExps = _device.Upload<float>([0, 0], _stream);
        using DeviceTensor<float> output = _device.Allocate<float>(3);
        using DeviceTensor<float> logSumExp = _device.Allocate<float>(1);
        using NativeMergeStatesPlan plan = NativeMergeStatesPlan.Create(_device, 2, 1, 3);

        plan.Forward(_stream, tensor, logSumExps, output, logSumExp);

        Assert.That((tensor.Pointer, tensor.Length), Is.EqualTo((_states.Pointer, 6L)));
        Assert.That(Download(output), Is.EqualTo(new float[] { 2.5f, 3.5f, 4.5f }).Within(1e-6f));
    }

    [TestCase(HandOver.Lend, 0)]
    [TestCase(HandOver.Give, 1)]
    public void AVariableIsDisposedByItsOwner(HandOver handOver, int disposed)
    {
        var variable = new CountedVariable(new CUdeviceptr(_states.Pointer), (ulong)States.Length * sizeof(float));
        DeviceTensor<float> tensor = variable.ToDeviceTensor(_device, handOver);
        Assert.That(variable.Disposed, Is.Zero);

        tensor.Dispose();
        tensor.Dispose();

        Assert.That(variable.Disposed, Is.EqualTo(disposed));
    }

    [Test]
    public void ATensorIsAVariableOfTheSameMemoryThatOutlivesIt()
    {
        CudaDeviceVariable<float> variable = _states.ToCudaDeviceVariable();
        Assert.That(((nint)(ulong)variable.DevicePointer.Pointer, (ulong)variable.Size, (ulong)variable.SizeInBytes), Is.EqualTo((_states.Pointer, 6UL, 24UL)));
        Assert.That(variable.IsOwner, Is.False);
        _states.Dispose();

        using DeviceTensor<float> again = variable.ToDeviceTensor(_device, HandOver.Give);

        Assert.That(Download(again), Is.EqualTo(States));
    }

    [Test]
    public void EveryElementTypeIsHandedOver()
    {
        using DeviceTensor<Half> halves = _device.Allocate<Half>(5);
        using DeviceTensor<BFloat16> bfloats = _device.Allocate<BFloat16>(5);
        using DeviceTensor<long> times = _device.Allocate<long>(5);
        using DeviceTensor<byte> codes = _device.Allocate<byte>(5);
        Assert.That((ulong)halves.ToCudaDeviceVariable().Size, Is.EqualTo(5));
        Assert.That((ulong)bfloats.ToCudaDeviceVariable().Size, Is.EqualTo(5));
        Assert.That((ulong)times.ToCudaDeviceVariable().Size, Is.EqualTo(5));
        Assert.That((ulong)codes.ToCudaDeviceVariable().Size, Is.EqualTo(5));
    }

    [Test]
    public void AStreamIsTheSameQueueAndOutlivesItsOwner()
    {
        DeviceStream own = _device.CreateStream();
        nint handle = own.CudaStream;
        CudaStream lent = own.ToCudaStream();
        own.Dispose();
        Assert.That(lent.Stream.Pointer, Is.EqualTo(handle));

        using (DeviceStream back = lent.ToDeviceStream(_device))
        {
            Assert.That(back.CudaStream, Is.EqualTo(handle));
            _states.Clear(back);
            back.Synchronize();
        }
        lent.Dispose();

        Assert.That(Download(_states), Is.All.Zero);
    }

    [Test]
    public void WhatIsGoneIsRefused()
    {
        using var none = new CudaDeviceVariable<float>(default, false, 24);
        using CudaDeviceVariable<float> crooked = new(new CUdeviceptr(_states.Pointer + 2), false, 4);
        Assert.That(() => none.ToDeviceTensor(_device, HandOver.Lend), Throws.ArgumentException.With.Message.Contains("pointer is 0; it must be the address of 6 elements"));
        Assert.That(() => crooked.ToDeviceTensor(_device, HandOver.Lend), Throws.ArgumentException.With.Message.Contains("aligned to their 4 bytes"));
        Assert.That(() => none.ToDeviceTensor(_device, (HandOver)9), Throws.InstanceOf<ArgumentOutOfRangeException>());
        _states.Dispose();
        _stream.Dispose();
        Assert.That(() => _states.ToCudaDeviceVariable(), Throws.InstanceOf<ObjectDisposedException>());
        Assert.That(() => _stream.ToCudaStream(), Throws.InstanceOf<ObjectDisposedException>());
        _stream = _device.CreateStream();
    }

    [Test]
    public void TheKernelsParametersAreThoseOfItsHeader()
    {
        string header = Read("native", "src", "kernels", "merge_states", "merge_states.h");
        string structure = header[header.IndexOf("struct MergeStatesParams {", StringComparison.Ordinal)..header.IndexOf("};", StringComparison.Ordinal)];
        IEnumerable<string> theirs = Regex.Matches(structure, @"^\s+(const float\*|float\*|int64_t|int) (\w+);", RegexOptions.Multiline)
            .Select(field => $"{field.Groups[1].Value.Replace("const ", "", StringComparison.Ordinal)} {field.Groups[2].Value.Replace("_", "", StringComparison.Ordinal)}");
        IEnumerable<string> ours = typeof(MergeStatesFatBinary.Parameters).GetFields()
            .Select(field => $"{(field.FieldType == typeof(nint) ? "float*" : field.FieldType == typeof(long) ? "int64_t" : "int")} {field.Name.ToLowerInvariant()}");

        Assert.That(ours, Is.EqualTo(theirs));
    }

    private static string Read(params ReadOnlySpan<string> path)
    {
        if (RepositoryRoot.Path is null)
        {
            Assert.Ignore("NOT RUN: the tests do not run inside the repository.");
        }
        return File.ReadAllText(Path.Combine([RepositoryRoot.Path!, .. path]));
    }

    private static CudaDeviceVariable<float> Variable(DeviceTensor<float> memory) =>
        new(new CUdeviceptr(memory.Pointer), false, (ulong)memory.Length * sizeof(float));

    private float[] Download(DeviceTensor<float> tensor)
    {
        var values = new float[tensor.Length];
        tensor.CopyTo(values.AsSpan(), _stream);
        return values;
    }

    private sealed class CountedVariable(CUdeviceptr pointer, ulong bytes) : CudaDeviceVariable<float>(pointer, false, bytes)
    {
        public int Disposed { get; private set; }

        protected override void Dispose(bool fDisposing)
        {
            base.Dispose(fDisposing);
            Disposed++;
        }
    }
}
