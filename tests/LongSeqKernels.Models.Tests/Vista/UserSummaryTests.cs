using NUnit.Framework;

namespace LongSeqKernels.Models.Tests;

public sealed class UserSummaryTests
{
    [Test]
    public void RowsSurviveTheirEncoding([Values] SummaryEncoding encoding)
    {
        using LongSeqContext context = LongSeqContext.Create(Backend.Reference);
        float[] rows = StcaCases.Normals(new RandomStream(1), 5 * 9);
        UserSummary summary = UserSummary.Encode(context, encoding, 9, rows);
        var decoded = new float[rows.Length];
        summary.Decode(context, decoded);
        Assert.That((summary.Tokens, summary.Width, summary.Encoding), Is.EqualTo((5, 9, encoding)));
        Assert.That(summary.Bytes, Is.EqualTo(5 * (SummaryCodec.RowBytes(encoding, 9) + sizeof(float))));
        double step = encoding switch { SummaryEncoding.Float16 => 1e-3, SummaryEncoding.Int8 => 1.0 / 127, _ => 1.0 / 7 };
        Assert.That(decoded, Is.EqualTo(rows).Within(step * rows.Max(MathF.Abs)));
    }

    [Test]
    public void SummaryOfVista128By256TakesAtMost33Kilobytes() =>
        Assert.That(new UserSummary(128, 256, SummaryEncoding.Int8, new byte[128 * 256], new float[128]).Bytes, Is.LessThanOrEqualTo(33 * 1024));

    [Test]
    public void PartsThatDoNotFitAreNamed()
    {
        Refused(() => new UserSummary(-1, 4, SummaryEncoding.Int8, default, default), "tokens is -1");
        Refused(() => new UserSummary(1, 0, SummaryEncoding.Int8, new byte[4], new float[1]), "width is 0");
        Refused(() => new UserSummary(2, 4, SummaryEncoding.Int8, new byte[7], new float[2]), "codes has 7 elements; it must have 8");
        Refused(() => new UserSummary(2, 4, SummaryEncoding.Int4, new byte[4], new float[1]), "scales has 1 elements; it must have 2");
        Refused(() => new UserSummary(2, 4, SummaryEncoding.Int4, new byte[4], new[] { 1, float.NaN }), "scales[1] is NaN");
        Refused(() => new UserSummary(1, 4, (SummaryEncoding)9, new byte[4], new float[1]), "encoding is 9");
    }

    private static void Refused(Func<UserSummary> make, string message) => Assert.That(make, Throws.InstanceOf<ArgumentException>().With.Message.Contains(message));
}
