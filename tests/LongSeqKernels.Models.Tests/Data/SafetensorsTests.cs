using System.Buffers.Binary;
using System.Text;
using NUnit.Framework;

namespace LongSeqKernels.Models.Tests;

public sealed class SafetensorsTests
{
    private TemporaryFolder _folder = null!;

    [SetUp]
    public void SetUp() => _folder = new TemporaryFolder();

    [TearDown]
    public void TearDown() => _folder.Dispose();

    private static byte[] FileBytes(string header, byte[] data, ulong? length = null)
    {
        byte[] json = Encoding.UTF8.GetBytes(header);
        var bytes = new byte[8 + json.Length + data.Length];
        BinaryPrimitives.WriteUInt64LittleEndian(bytes, length ?? (ulong)json.Length);
        json.CopyTo(bytes, 8);
        data.CopyTo(bytes, 8 + json.Length);
        return bytes;
    }

    private void Refused(byte[] file, string because)
    {
        string path = _folder.Write("bad.safetensors", file);
        Assert.That(() => SafetensorsFile.Open(path), Throws.InstanceOf<InvalidDataException>().With.Message.Contains(because).And.Message.Contains(path));
    }

    private void Refused(string header, int dataLength, string because) => Refused(FileBytes(header, new byte[dataLength]), because);

    [Test]
    public void EveryTypeComesBackAsItWas()
    {
        var writer = new SafetensorsWriter();
        writer.Add<float>("f32", new[] { 1.5f, float.NaN, float.NegativeInfinity }, 3);
        writer.Add<Half>("f16", new[] { (Half)1.5f, Half.NaN }, 1, 2);
        writer.Add<BFloat16>("bf16", new[] { BFloat16.FromSingle(-2.5f) }, 1);
        writer.Add<double>("f64", new[] { Math.PI });
        writer.Add<long>("i64", new[] { long.MinValue, long.MaxValue }, 2);
        writer.Add<int>("i32", new[] { int.MinValue }, 1);
        writer.Add<short>("i16", new[] { short.MinValue }, 1);
        writer.Add<sbyte>("i8", new[] { sbyte.MinValue }, 1);
        writer.Add<byte>("u8", new byte[] { 1, 2, 3, 4, 5, 6 }, 3, 2);
        writer.Add<ushort>("u16", new[] { ushort.MaxValue }, 1);
        writer.Add<uint>("u32", new[] { uint.MaxValue }, 1);
        writer.Add<ulong>("u64", new[] { ulong.MaxValue }, 1);
        writer.Add<float>("empty", Array.Empty<float>(), 0, 128);
        writer.SetMetadata("configuration", "{\"width\": 64, \"name\": \"ä\\n\"}");
        writer.Save(_folder["all.safetensors"]);

        using var file = SafetensorsFile.Open(_folder["all.safetensors"]);
        using (Assert.EnterMultipleScope())
        {
            Assert.That(file.Read<float>("f32", 3), Is.EqualTo(new[] { 1.5f, float.NaN, float.NegativeInfinity }));
            Assert.That(file.Read<Half>("f16", 1, 2), Is.EqualTo(new[] { (Half)1.5f, Half.NaN }));
            Assert.That(file.Read<BFloat16>("bf16")[0].ToSingle(), Is.EqualTo(-2.5f));
            Assert.That(file.Read<double>("f64"), Is.EqualTo(new[] { Math.PI }));
            Assert.That(file.Tensors["f64"].Shape, Is.Empty);
            Assert.That(file.Read<long>("i64"), Is.EqualTo(new[] { long.MinValue, long.MaxValue }));
            Assert.That(file.Read<int>("i32"), Is.EqualTo(new[] { int.MinValue }));
            Assert.That(file.Read<short>("i16"), Is.EqualTo(new[] { short.MinValue }));
            Assert.That(file.Read<sbyte>("i8"), Is.EqualTo(new[] { sbyte.MinValue }));
            Assert.That(file.Read<byte>("u8", 3, 2), Is.EqualTo(new byte[] { 1, 2, 3, 4, 5, 6 }));
            Assert.That(file.Read<ushort>("u16"), Is.EqualTo(new[] { ushort.MaxValue }));
            Assert.That(file.Read<uint>("u32"), Is.EqualTo(new[] { uint.MaxValue }));
            Assert.That(file.Read<ulong>("u64"), Is.EqualTo(new[] { ulong.MaxValue }));
            Assert.That(file.Read<float>("empty", 0, 128), Is.Empty);
            Assert.That(file.ReadSingles("f16")[0], Is.EqualTo(1.5f));
            Assert.That(file.ReadSingles("bf16")[0], Is.EqualTo(-2.5f));
            Assert.That(file.ReadSingles("f64")[0], Is.EqualTo((float)Math.PI));
            Assert.That(file.Metadata["configuration"], Is.EqualTo("{\"width\": 64, \"name\": \"ä\\n\"}"));
        }
        // Every tensor lies at a multiple of its element size, as the widest come first and the data starts at a multiple of 8.
        long dataStart = new FileInfo(file.Path).Length - file.Tensors.Values.Max(tensor => tensor.End);
        Assert.That(dataStart % 8, Is.Zero);
        Assert.That(file.Tensors.Values.Where(tensor => tensor.Begin % SafetensorsTypes.Size(tensor.Type) != 0), Is.Empty);
    }

    [Test]
    public void TheBytesAreTheFormatsAndDoNotDependOnTheOrderOfAdding()
    {
        foreach (bool reversed in new[] { false, true })
        {
            var writer = new SafetensorsWriter();
            foreach (string name in reversed ? new[] { "b", "a" } : ["a", "b"])
            {
                writer.Add<float>(name, new[] { name == "a" ? 1f : 2f }, 1);
            }
            writer.SetMetadata(reversed ? "y" : "x", "1");
            writer.SetMetadata(reversed ? "x" : "y", "1");
            writer.Save(_folder["order"]);
            const string Header = """{"__metadata__":{"x":"1","y":"1"},"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"b":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}""";
            string padded = Header.PadRight((Header.Length + 7) / 8 * 8);
            Assert.That(File.ReadAllBytes(_folder["order"]), Is.EqualTo(FileBytes(padded, [0, 0, 0x80, 0x3F, 0, 0, 0, 0x40])));
        }
    }

    [Test]
    public void ATensorCanBeReadInParts()
    {
        var writer = new SafetensorsWriter();
        writer.Add<int>("before", new[] { -1 }, 1);
        writer.Add<int>("values", Enumerable.Range(0, 1000).ToArray(), 10, 100);
        writer.Save(_folder["parts"]);
        using var file = SafetensorsFile.Open(_folder["parts"]);
        var part = new int[7];
        file.Read("values", 993, part.AsSpan());
        Assert.That(part, Is.EqualTo(Enumerable.Range(993, 7)));
        Assert.That(() => file.Read("values", 994, part.AsSpan()), Throws.InstanceOf<ArgumentOutOfRangeException>());
        Assert.That(() => file.Read("values", -1, part.AsSpan()), Throws.InstanceOf<ArgumentOutOfRangeException>());
    }

    [Test]
    public void AskingForWhatIsNotThereNamesIt()
    {
        var writer = new SafetensorsWriter();
        writer.Add<int>("ids", new[] { 1, 2 }, 2);
        writer.Save(_folder["ids"]);
        using var file = SafetensorsFile.Open(_folder["ids"]);
        Assert.That(() => file.Read<int>("names"), Throws.InstanceOf<InvalidDataException>().With.Message.Contains("'names'"));
        Assert.That(() => file.Read<float>("ids"), Throws.InstanceOf<InvalidDataException>().With.Message.Contains("I32; it must be F32"));
        Assert.That(() => file.Read<int>("ids", 3), Throws.InstanceOf<InvalidDataException>().With.Message.Contains("[2]; it must have [3]"));
        Assert.That(() => file.ReadSingles("ids"), Throws.InstanceOf<InvalidDataException>().With.Message.Contains("I32"));
    }

    [Test]
    public void BooleansAreReadAsBytes()
    {
        string path = _folder.Write("bool", FileBytes("""{"b":{"dtype":"BOOL","shape":[2],"data_offsets":[0,2]}}""", [0, 1]));
        using var file = SafetensorsFile.Open(path);
        Assert.That(file.Read<byte>("b"), Is.EqualTo(new byte[] { 0, 1 }));
    }

    [Test]
    public void HeadersOfOtherWritersAreRead()
    {
        // Fields in another order, fields this reader does not know, white space, no tensors at all.
        string path = _folder.Write("other", FileBytes("""{ "a" : { "data_offsets" : [ 0 , 2 ], "more": {"x": [1]}, "shape" : [ ], "dtype" : "I16" } }   """, [7, 0]));
        using (var file = SafetensorsFile.Open(path))
        {
            Assert.That(file.Read<short>("a"), Is.EqualTo(new short[] { 7 }));
        }
        using var empty = SafetensorsFile.Open(_folder.Write("none", FileBytes("{}", [])));
        Assert.That(empty.Tensors, Is.Empty);
    }

    [Test]
    public void LyingLengthsAreRefused()
    {
        Refused([], "it has 0 bytes");
        Refused(new byte[7], "it has 7 bytes");
        Refused(FileBytes("{}", [], 3), "claims 3 bytes; it must have at most 2");
        Refused(FileBytes("{}", [], ulong.MaxValue), "claims 18446744073709551615 bytes");
        Refused(FileBytes("{}", [], (ulong)long.MaxValue + 1), "claims 9223372036854775808 bytes");
        Refused(FileBytes("{}", [], 0), "does not begin with '{'");
        Refused(FileBytes(" {}", []), "does not begin with '{'");
    }

    [TestCase("""{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}""", 4, "not valid JSON")]
    [TestCase("""{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}x""", 4, "not valid JSON")]
    [TestCase("""{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4],}}""", 4, "not valid JSON")]
    [TestCase("""{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"a":{"dtype":"F32","shape":[0],"data_offsets":[4,4]}}""", 4, "tensor 'a' twice")]
    [TestCase("""{"a":{"dtype":"F32","dtype":"F32","shape":[1],"data_offsets":[0,4]}}""", 4, "has dtype twice")]
    [TestCase("""{"__metadata__":{},"__metadata__":{}}""", 0, "__metadata__ twice")]
    [TestCase("""{"__metadata__":{"a":"1","a":"2"}}""", 0, "'a' twice")]
    [TestCase("""{"__metadata__":{"a":1}}""", 0, "it must be a String")]
    [TestCase("""{"__metadata__":[]}""", 0, "it must be a StartObject")]
    [TestCase("""{"a":{"shape":[1],"data_offsets":[0,4]}}""", 4, "has no dtype")]
    [TestCase("""{"a":{"dtype":"F32","data_offsets":[0,4]}}""", 4, "has no shape")]
    [TestCase("""{"a":{"dtype":"F32","shape":[1]}}""", 4, "has no data_offsets")]
    [TestCase("""{"a":{"dtype":"F8_E4M3","shape":[1],"data_offsets":[0,1]}}""", 1, "dtype 'F8_E4M3'")]
    [TestCase("""{"a":{"dtype":5,"shape":[1],"data_offsets":[0,1]}}""", 1, "it must be a String")]
    [TestCase("""{"a":{"dtype":"F32","shape":[-1],"data_offsets":[0,4]}}""", 4, "contains -1")]
    [TestCase("""{"a":{"dtype":"F32","shape":[1.5],"data_offsets":[0,4]}}""", 4, "contains 1.5")]
    [TestCase("""{"a":{"dtype":"F32","shape":["1"],"data_offsets":[0,4]}}""", 4, "contains a String")]
    [TestCase("""{"a":{"dtype":"F32","shape":[[1]],"data_offsets":[0,4]}}""", 4, "contains a StartArray")]
    [TestCase("""{"a":{"dtype":"F32","shape":[18446744073709551616],"data_offsets":[0,4]}}""", 4, "contains 18446744073709551616")]
    [TestCase("""{"a":{"dtype":"F32","shape":[4611686018427387904,4],"data_offsets":[0,0]}}""", 0, "more than 2^63")]
    [TestCase("""{"a":{"dtype":"I8","shape":[4294967296,4294967296],"data_offsets":[0,0]}}""", 0, "more than 2^63")]
    [TestCase("""{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}}""", 4, "has 4 bytes; shape [2] of F32 must have 8")]
    [TestCase("""{"a":{"dtype":"F32","shape":[1],"data_offsets":[4,0]}}""", 4, "begin <= end")]
    [TestCase("""{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4,8]}}""", 8, "begin <= end")]
    [TestCase("""{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}""", 4, "ends at data byte 8, but the file has 4")]
    [TestCase("""{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"b":{"dtype":"F32","shape":[1],"data_offsets":[2,6]}}""", 6, "overlap")]
    [TestCase("""{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"b":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}""", 4, "overlap")]
    [TestCase("""{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"b":{"dtype":"F32","shape":[1],"data_offsets":[5,9]}}""", 9, "hole")]
    [TestCase("""{"a":{"dtype":"F32","shape":[1],"data_offsets":[1,5]}}""", 5, "hole")]
    [TestCase("""{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}""", 5, "5 data bytes, but its tensors end at 4")]
    [TestCase("""{"\ud800":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}""", 4, "not valid")]
    [TestCase("[]", 0, "does not begin with '{'")]
    public void HeadersThatDoNotHoldAreRefused(string header, int dataLength, string because) => Refused(header, dataLength, because);

    [Test]
    public void BrokenUtf8InANameIsRefused() =>
        Refused([9, 0, 0, 0, 0, 0, 0, 0, (byte)'{', (byte)'"', 0xFF, 0xFE, (byte)'"', (byte)':', (byte)'1', (byte)'}', (byte)' '], "safetensors file");

    [Test]
    public void MessagesStayShortForHugeNames() =>
        Assert.That(
            () => SafetensorsFile.Open(_folder.Write("huge", FileBytes($$$"""{"{{{new string('\t', 1000).Replace("\t", "\\t", StringComparison.Ordinal)}}}":{"dtype":"X","shape":[],"data_offsets":[0,0]}}""", []))),
            Throws.InstanceOf<InvalidDataException>().With.Message.Length.LessThan(400).And.Message.Not.Contains("\t"));

    [Test]
    public void WrongArgumentsOfTheWriterAreRefused()
    {
        var writer = new SafetensorsWriter();
        writer.Add<int>("a", new[] { 1, 2 }, 2);
        Assert.That(() => writer.Add<int>("a", new[] { 1 }, 1), Throws.ArgumentException.With.Message.Contains("unique"));
        Assert.That(() => writer.Add<int>("__metadata__", new[] { 1 }, 1), Throws.ArgumentException);
        Assert.That(() => writer.Add<int>("b", new[] { 1, 2 }, 3), Throws.ArgumentException.With.Message.Contains("2 elements"));
        Assert.That(() => writer.Add<int>("b", new[] { 1, 2 }, -1, -2), Throws.ArgumentException);
        Assert.That(() => writer.Add<int>("b", Array.Empty<int>(), long.MaxValue, 4), Throws.ArgumentException);
        Assert.That(() => writer.Add<int>("\ud800", new[] { 1 }, 1), Throws.ArgumentException.With.Message.Contains("surrogates"));
        Assert.That(() => writer.Add<char>("c", new[] { 'a' }, 1), Throws.InstanceOf<NotSupportedException>());
        Assert.That(() => writer.SetMetadata("k", "\udc00"), Throws.ArgumentException);
    }

    [Test]
    public void DamagedFilesAreReadOrRefusedNeverMore()
    {
        var writer = new SafetensorsWriter();
        writer.Add<float>("weights.0", new[] { 1f, 2f, 3f, 4f }, 2, 2);
        writer.Add<long>("offsets", new[] { 0L, 5L }, 2);
        writer.Add<byte>("names", "abcde"u8.ToArray(), 5);
        writer.SetMetadata("version", "1");
        writer.Save(_folder["valid"]);
        byte[] valid = File.ReadAllBytes(_folder["valid"]);
        int refused = 0;
        foreach (byte[] damaged in Fuzz.Truncations(valid).Concat(Fuzz.BitFlips(valid)).Concat(Fuzz.Mutations(valid, 1, 3000)))
        {
            string path = _folder.Write("damaged", damaged);
            try
            {
                using var file = SafetensorsFile.Open(path);
                foreach (var tensor in file.Tensors.Values)
                {
                    Assert.That(tensor.Shape.Aggregate(1L, (product, extent) => product * extent), Is.EqualTo(tensor.ElementCount));
                    Assert.That(tensor.End, Is.LessThanOrEqualTo(damaged.Length));
                }
            }
            catch (InvalidDataException)
            {
                refused++;
            }
        }
        Assert.That(refused, Is.GreaterThan(valid.Length), "every truncation at least is refused");
    }
}
