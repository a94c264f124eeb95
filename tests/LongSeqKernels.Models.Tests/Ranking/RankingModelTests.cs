using NUnit.Framework;

namespace LongSeqKernels.Models.Tests;

public sealed class RankingModelTests
{
    [Test]
    public void FilesAreReadAsTheKindTheyAre()
    {
        using var folder = new TemporaryFolder();
        StcaModel model = StcaCases.PerturbedModel(StcaCases.Default);
        model.Save(folder["model"]);
        RankingModel loaded = RankingModel.Load(folder["model"]);
        Assert.That(loaded, Is.TypeOf<StcaModel>());
        Assert.That(loaded.Kind, Is.EqualTo("STCA"));
        Assert.That(loaded.Config.Summary, Is.EqualTo("3 layers, width 8, 2 heads"));
        Assert.That(loaded.Parameters.DenseValues.ToArray(), Is.EqualTo(model.Parameters.DenseValues.ToArray()));
    }

    [Test]
    public void AFileOfNoKnownKindNamesThoseThatAre()
    {
        using var folder = new TemporaryFolder();
        var writer = new SafetensorsWriter();
        writer.SetMetadata("format", "longseqkernels.oracle.1");
        writer.Add<float>("x", new float[3], 3);
        writer.Save(folder["other"]);
        Assert.That(
            () => RankingModel.Load(folder["other"]),
            Throws.TypeOf<InvalidDataException>().With.Message.Contains("format is \"longseqkernels.oracle.1\"").And.Message.Contains("\"longseqkernels.stca.1\" (STCA)"));
    }

    [Test]
    public void FormatsAndNamesOfKindsAreDifferent()
    {
        Assert.That(ModelKind.All.Select(kind => kind.Format), Is.Unique);
        Assert.That(ModelKind.All.Select(kind => kind.Name), Is.Unique);
    }
}
