using System.Buffers.Binary;
using System.Security.Cryptography;

namespace LongSeqKernels.Serving.Tests;

[TestFixture]
[Parallelizable(ParallelScope.All)]
public sealed class RecordFormatTests
{
    [Test]
    public void RecordsSurviveTheirBytes([Values] SummaryEncoding encoding, [Values(0, 1, 5)] int tokens, [Values(1, 7, 32)] int width)
    {
        SummaryRecord record = Records.Of("käthe/ü", 3, tokens, width, encoding, stateBytes: 11) with { HistoryTime = -5, ExpiryTime = 77 };
        SummaryRecord read = SummaryRecordFormat.Read(SummaryRecordFormat.Write(record), record.State);
        Assert.That((read.User, read.Version, read.HistoryTime, read.HistoryLength), Is.EqualTo((record.User, record.Version, record.HistoryTime, record.HistoryLength)));
        Assert.That((read.WrittenTime, read.ExpiryTime, read.Summary.Encoding), Is.EqualTo((record.WrittenTime, record.ExpiryTime, encoding)));
        Assert.That((read.Summary.Tokens, read.Summary.Width), Is.EqualTo((tokens, width)));
        Assert.That(read.Summary.Codes.ToArray(), Is.EqualTo(record.Summary.Codes.ToArray()));
        Assert.That(read.Summary.Scales.ToArray(), Is.EqualTo(record.Summary.Scales.ToArray()));
        Assert.That(read.State.ToArray(), Is.EqualTo(record.State.ToArray()));
    }

    [Test]
    public void AnInt8SummaryOf128By256TakesAtMost33Kilobytes() =>
        Assert.That(SummaryRecordFormat.Write(Records.Full(new string('u', 100))), Has.Length.LessThanOrEqualTo(33 * 1024));

    [Test]
    public void EveryFlippedBitIsNoticed()
    {
        SummaryRecord record = Records.Of("ann", stateBytes: 5);
        byte[] valid = SummaryRecordFormat.Write(record);
        for (int bit = 0; bit < valid.Length * 8; bit++)
        {
            var copy = (byte[])valid.Clone();
            copy[bit / 8] ^= (byte)(1 << (bit % 8));
            AssertRefused(copy, record.State.ToArray());
        }
    }

    [Test]
    public void EveryFlippedBitOfTheStateIsNoticed()
    {
        SummaryRecord record = Records.Of("ann", stateBytes: 5);
        byte[] valid = SummaryRecordFormat.Write(record);
        for (int bit = 0; bit < record.State.Length * 8; bit++)
        {
            byte[] state = record.State.ToArray();
            state[bit / 8] ^= (byte)(1 << (bit % 8));
            AssertRefused(valid, state);
        }
        AssertRefused(valid, [.. record.State.Span, 0]);
        AssertRefused(valid, []);
    }

    [Test]
    public void EveryTruncationAndExtensionIsNoticed()
    {
        byte[] valid = SummaryRecordFormat.Write(Records.Of("ann"));
        for (int length = 0; length < valid.Length; length++)
        {
            AssertRefused(valid[..length], null);
        }
        AssertRefused([.. valid, 0], null);
    }

    [Test]
    public void ForgedRecordsWithAFittingDigestAreRefusedOrWhole([Values(1, 2, 3, 4)] int seed)
    {
        // Whoever can write the digest can write anything: it must be refused or be a record, nothing else.
        var random = new Random(seed);
        byte[] valid = SummaryRecordFormat.Write(Records.Of("ann", seed));
        for (int round = 0; round < 5_000; round++)
        {
            var bytes = (byte[])valid.Clone();
            for (int change = random.Next(1, 4); change > 0; change--)
            {
                int at = random.Next(4, SummaryRecordFormat.HeaderBytes + 10);
                bytes[at] = (byte)(random.Next(3) switch { 0 => 0xFF, 1 => 0, _ => random.Next(256) });
            }
            if (random.Next(3) == 0)
            {
                bytes = bytes[..random.Next(SummaryRecordFormat.HeaderBytes, bytes.Length)];
            }
            Sign(bytes);
            try
            {
                SummaryRecord read = SummaryRecordFormat.Read(bytes, null);
                Assert.That(read.Summary.Codes.Length, Is.EqualTo(read.Summary.Tokens * SummaryCodec.RowBytes(read.Summary.Encoding, read.Summary.Width)));
            }
            catch (SummaryStoreException exception)
            {
                Assert.That(exception.Fault, Is.EqualTo(StoreFault.Damaged).Or.EqualTo(StoreFault.ForeignFormat));
            }
        }
    }

    [Test]
    public void RandomBytesAreNoRecord()
    {
        var random = new Random(5);
        for (int length = 0; length < 400; length++)
        {
            var bytes = new byte[length];
            random.NextBytes(bytes);
            AssertRefused(bytes, null);
        }
    }

    [Test]
    public void RecordsOfALaterReleaseAreNamedAsSuch()
    {
        byte[] bytes = SummaryRecordFormat.Write(Records.Of("ann"));
        BinaryPrimitives.WriteUInt16LittleEndian(bytes.AsSpan(4), SummaryRecordFormat.Format + 1);
        Sign(bytes);
        Assert.That(
            () => SummaryRecordFormat.Read(bytes, null),
            Throws.TypeOf<SummaryStoreException>().With.Property(nameof(SummaryStoreException.Fault)).EqualTo(StoreFault.ForeignFormat).And.Message.Contains("has format 2; this release reads format 1"));
    }

    [Test]
    public void NamesThatNoDatabaseCanHoldAreRefused()
    {
        Refused(Records.Of("") with { }, "User is 0 bytes long; it must be 1 to 200 bytes");
        Refused(Records.Of(new string('ä', 101)), "User is 202 bytes long");
        Refused(Records.Of("a\0b"), "User is a name with NUL");
        Refused(Records.Of("\ud800"), "User is text with half a surrogate pair");
        Refused(Records.Of("ann", version: ""), "Version is 0 bytes long");
        Refused(Records.Of("ann") with { HistoryLength = -1 }, "HistoryLength is -1; it must be 0 or more");
    }

    private static void Refused(SummaryRecord record, string message) =>
        Assert.That(() => SummaryRecordFormat.Write(record), Throws.InstanceOf<ArgumentException>().With.Message.Contains(message));

    private static void Sign(byte[] bytes) => SHA256.HashData(bytes.AsSpan(..^SummaryRecordFormat.DigestBytes))[..SummaryRecordFormat.DigestBytes].CopyTo(bytes, bytes.Length - SummaryRecordFormat.DigestBytes);

    private static void AssertRefused(byte[] bytes, byte[]? state)
    {
        var exception = Assert.Throws<SummaryStoreException>(() => SummaryRecordFormat.Read(bytes, state is null ? default(ReadOnlyMemory<byte>?) : state));
        Assert.That(exception!.Fault, Is.EqualTo(StoreFault.Damaged).Or.EqualTo(StoreFault.ForeignFormat));
    }
}
