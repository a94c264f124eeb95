using NUnit.Framework;

namespace LongSeqKernels.Models.Tests;

public sealed class VistaModelFileTests
{
    [TestCaseSource(typeof(VistaCases), nameof(VistaCases.Configurations))]
    public void ConfigurationSurvivesJson(VistaConfig config)
    {
        VistaConfig copy = VistaConfig.FromJson(config.ToJson());
        Assert.That(copy.ToJson(), Is.EqualTo(config.ToJson()));
        Assert.That(copy with { ScorerWidths = config.ScorerWidths }, Is.EqualTo(config));
    }

    [TestCase("\"seeds\":3", "\"seeds\":0", "Seeds is 0; it must be from 1")]
    [TestCase("\"seeds\":3,", "", "seeds")]
    [TestCase("\"layers\":3", "\"layers\":0", "Layers is 0")]
    [TestCase("\"heads\":2", "\"heads\":3", "Heads is 3; it must be a divisor of Width (8)")]
    [TestCase("\"candidateLayers\":2", "\"candidateLayers\":-1", "CandidateLayers is -1; it must be from 0")]
    [TestCase("\"score\":\"Softmax\"", "\"score\":\"Identity\"", "Score is Identity; it must be Softmax or Silu")]
    [TestCase("\"summariser\":\"QuasiLinear\"", "\"summariser\":\"NewestEvents\"", "Layers is 3; it must be 1 for the summariser NewestEvents")]
    [TestCase("\"layers\":3,\"seeds\":3,\"newestTokens\":0", "\"layers\":1,\"seeds\":3,\"newestTokens\":2,\"summariser\":\"NewestEvents\"", "NewestTokens is 2; it must be 0 for the summariser NewestEvents")]
    [TestCase("\"newestTokens\":0", "\"newestTokens\":-1", "NewestTokens is -1; it must be from 0")]
    [TestCase("\"summariser\":\"QuasiLinear\"", "\"summariser\":\"Oracle\"", "summariser")]
    [TestCase("\"reconstructionWeight\":0", "\"reconstructionWeight\":-1", "ReconstructionWeight is -1")]
    [TestCase("\"reconstructionEvents\":64", "\"reconstructionEvents\":0", "ReconstructionEvents is 0")]
    [TestCase("\"timeReference\":\"NewestEvent\"", "\"timeReference\":7", "imeReference")]
    public void ConfigurationsThatCannotBeUsedAreRefused(string was, string becomes, string named)
    {
        string json = VistaCases.Default.ToJson();
        Assert.That(json, Does.Contain(was));
        Assert.That(
            () => VistaConfig.FromJson(json.Replace(was, becomes, StringComparison.Ordinal)), Throws.TypeOf<InvalidDataException>().With.Message.Contains(named));
    }

    [TestCaseSource(typeof(VistaCases), nameof(VistaCases.Configurations))]
    public void ModelSurvivesTheFile(VistaConfig config)
    {
        using var folder = new TemporaryFolder();
        VistaModel model = VistaCases.PerturbedModel(config);
        model.Notes["data"] = "généré";
        model.Save(folder["model"]);
        VistaModel copy = VistaModel.Load(folder["model"]);
        Assert.That(copy.Config.ToJson(), Is.EqualTo(config.ToJson()));
        Assert.That(copy.ItemCategories.ToArray(), Is.EqualTo(model.ItemCategories.ToArray()));
        Assert.That(copy.Notes, Is.EqualTo(model.Notes));
        Assert.That(Values(copy), Is.EqualTo(Values(model)));
    }

    [Test]
    public void EqualSeedsMakeEqualModels()
    {
        float[] first = Values(VistaCases.Model(VistaCases.Default));
        Assert.That(Values(VistaCases.Model(VistaCases.Default)), Is.EqualTo(first));
        Assert.That(Values(VistaCases.Model(VistaCases.Default with { Seed = 8 })), Is.Not.EqualTo(first));
    }

    [Test]
    public void FilesOfTheOtherKindAreRefusedByName()
    {
        using var folder = new TemporaryFolder();
        StcaCases.Model(StcaCases.Default).Save(folder["stca"]);
        VistaCases.Model(VistaCases.Default).Save(folder["vista"]);
        Assert.That(() => VistaModel.Load(folder["stca"]), Throws.TypeOf<InvalidDataException>().With.Message.Contains("STCA").And.Message.Contains("VISTA"));
        Assert.That(() => StcaModel.Load(folder["vista"]), Throws.TypeOf<InvalidDataException>().With.Message.Contains("STCA").And.Message.Contains("VISTA"));
        Assert.That(RankingModel.Load(folder["vista"]), Is.TypeOf<VistaModel>());
    }

    [Test]
    public void DamagedFilesGiveOneKindOfError()
    {
        using var folder = new TemporaryFolder();
        VistaCases.Model(VistaCases.Default).Save(folder["model"]);
        byte[] valid = File.ReadAllBytes(folder["model"]);
        int headerLength = 8 + BitConverter.ToInt32(valid);
        IEnumerable<byte[]> damaged = Enumerable.Range(0, 40).Select(i => valid[..(i * valid.Length / 40)])
            .Concat(Fuzz.Mutations(valid[..headerLength], 5, 200).Select(header => (byte[])[.. header, .. valid[headerLength..]]));
        foreach (byte[] bytes in damaged)
        {
            try
            {
                VistaModel.Load(folder.Write("damaged", bytes));
            }
            catch (InvalidDataException exception)
            {
                Assert.That(exception.Message, Does.Contain("damaged"));
            }
        }
    }

    private static float[] Values(VistaModel model) => [.. model.Parameters.DenseValues, .. model.Parameters.Tables.SelectMany(table => table.Values.ToArray())];
}
