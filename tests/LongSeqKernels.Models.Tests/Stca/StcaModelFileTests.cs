using System.Text;
using NUnit.Framework;

namespace LongSeqKernels.Models.Tests;

public sealed class StcaModelFileTests
{
    [TestCaseSource(typeof(StcaCases), nameof(StcaCases.Configurations))]
    public void ConfigurationSurvivesJson(StcaConfig config)
    {
        StcaConfig copy = StcaConfig.FromJson(config.ToJson());
        Assert.That(copy.ToJson(), Is.EqualTo(config.ToJson()));
        Assert.That(copy with { ScorerWidths = config.ScorerWidths }, Is.EqualTo(config));
        Assert.That(copy.ScorerWidths, Is.EqualTo(config.ScorerWidths));
    }

    [TestCase("")]
    [TestCase("null")]
    [TestCase("[]")]
    [TestCase("{}")]
    [TestCase("""{"items":5}""")]
    public void TextThatIsNoConfigurationIsRefused(string json) =>
        Assert.That(() => StcaConfig.FromJson(json), Throws.TypeOf<InvalidDataException>().With.Message.Contains("configuration"));

    [TestCase("\"items\":23", "\"items\":0", "Items is 0; it must be 1 or more")]
    [TestCase("\"items\":23,", "", "items")]
    [TestCase("\"items\":23", "\"items\":23,\"future\":1", "future")]
    [TestCase("\"heads\":2", "\"heads\":3", "Heads is 3; it must be a divisor of Width (8)")]
    [TestCase("\"width\":8", "\"width\":100000", "Width is 100000")]
    [TestCase("\"width\":8", "\"width\":\"8\"", "width")]
    [TestCase("\"scorerWidths\":[6]", "\"scorerWidths\":[]", "ScorerWidths")]
    [TestCase("\"scorerWidths\":[6]", "\"scorerWidths\":[0]", "ScorerWidths[0] is 0")]
    [TestCase("\"scorerWidths\":[6]", "\"scorerWidths\":null", "scorerWidths")]
    [TestCase("\"score\":\"Softmax\"", "\"score\":\"Cubic\"", "score")]
    [TestCase("\"embeddingScale\":0.5", "\"embeddingScale\":-1", "EmbeddingScale is -1")]
    [TestCase("\"buckets\":12", "\"buckets\":1", "Buckets is 1")]
    public void ConfigurationsThatCannotBeUsedAreRefused(string was, string becomes, string named)
    {
        string json = StcaCases.Default.ToJson();
        Assert.That(json, Does.Contain(was));
        Assert.That(
            () => StcaConfig.FromJson(json.Replace(was, becomes, StringComparison.Ordinal)), Throws.TypeOf<InvalidDataException>().With.Message.Contains(named));
    }

    [TestCaseSource(typeof(StcaCases), nameof(StcaCases.Configurations))]
    public void ModelSurvivesTheFile(StcaConfig config)
    {
        using var folder = new TemporaryFolder();
        StcaModel model = StcaCases.PerturbedModel(config);
        model.Notes["data"] = "généré";
        model.Save(folder["model"]);
        StcaModel copy = StcaModel.Load(folder["model"]);
        Assert.That(copy.Config.ToJson(), Is.EqualTo(config.ToJson()));
        Assert.That(copy.ItemCategories.ToArray(), Is.EqualTo(model.ItemCategories.ToArray()));
        Assert.That(copy.Notes, Is.EqualTo(model.Notes));
        Assert.That(Values(copy), Is.EqualTo(Values(model)));
    }

    [Test]
    public void EqualSeedsMakeEqualModels()
    {
        float[] first = Values(StcaCases.Model(StcaCases.Default));
        Assert.That(Values(StcaCases.Model(StcaCases.Default)), Is.EqualTo(first));
        Assert.That(Values(StcaCases.Model(StcaCases.Default with { Seed = 8 })), Is.Not.EqualTo(first));
    }

    [Test]
    public void CategoriesMustFitTheConfiguration()
    {
        Assert.That(() => StcaModel.Create(StcaCases.Default), Throws.InstanceOf<ArgumentException>().With.Message.Contains("itemCategories has 0 elements; it must have 23"));
        Assert.That(() => StcaModel.Create(StcaCases.Default with { Categories = 0 }, new int[23]), Throws.InstanceOf<ArgumentException>().With.Message.Contains("it must have 0"));
        var categories = new int[23];
        categories[4] = 5;
        Assert.That(() => StcaModel.Create(StcaCases.Default, categories), Throws.InstanceOf<ArgumentException>().With.Message.Contains("itemCategories[4] is 5; it must be from 0 to 4"));
    }

    [Test]
    public void FilesOfOtherThingsAreRefused()
    {
        using var folder = new TemporaryFolder();
        var writer = new SafetensorsWriter();
        writer.Add<float>("x", new float[3], 3);
        writer.Save(folder["other"]);
        Assert.That(() => StcaModel.Load(folder["other"]), Throws.TypeOf<InvalidDataException>().With.Message.Contains("format"));
        Assert.That(() => StcaModel.Load(folder["missing"]), Throws.InstanceOf<IOException>());
    }

    [TestCase("\"width\":8", "\"width\":4", "item_embedding")]
    [TestCase("\"layers\":3", "\"layers\":4", "history.3")]
    [TestCase("\"categories\":5", "\"categories\":3", "itemCategories")]
    [TestCase("\"items\":23", "\"items\":24", "item_embedding")]
    [TestCase("\"items\":23", "\"items\":2147483647", "item_embedding")]
    [TestCase("\"biases\":false", "\"biases\":true", "bias")]
    public void ConfigurationAndTensorsMustAgree(string was, string becomes, string named)
    {
        using var folder = new TemporaryFolder();
        StcaCases.Model(StcaCases.Default).Save(folder["model"]);
        byte[] bytes = File.ReadAllBytes(folder["model"]);
        string escaped = was.Replace("\"", "\\\"", StringComparison.Ordinal);
        int headerLength = BitConverter.ToInt32(bytes);
        string header = Encoding.UTF8.GetString(bytes, 8, headerLength);
        Assert.That(header, Does.Contain(escaped));
        byte[] changed = Encoding.UTF8.GetBytes(header.Replace(escaped, becomes.Replace("\"", "\\\"", StringComparison.Ordinal), StringComparison.Ordinal));
        folder.Write("changed", [.. BitConverter.GetBytes((long)changed.Length), .. changed, .. bytes[(8 + headerLength)..]]);
        Assert.That(() => StcaModel.Load(folder["changed"]), Throws.TypeOf<InvalidDataException>().With.Message.Contains(named));
    }

    [Test]
    public void DamagedFilesGiveOneKindOfError()
    {
        using var folder = new TemporaryFolder();
        StcaCases.Model(StcaCases.Default).Save(folder["model"]);
        byte[] valid = File.ReadAllBytes(folder["model"]);
        int headerLength = 8 + BitConverter.ToInt32(valid);
        IEnumerable<byte[]> damaged = Enumerable.Range(0, 60).Select(i => valid[..(i * valid.Length / 60)])
            .Concat(Fuzz.Mutations(valid[..headerLength], 5, 300).Select(header => (byte[])[.. header, .. valid[headerLength..]]));
        foreach (byte[] bytes in damaged)
        {
            try
            {
                StcaModel.Load(folder.Write("damaged", bytes));
            }
            catch (InvalidDataException exception)
            {
                Assert.That(exception.Message, Does.Contain("damaged"));
            }
        }
    }

    private static float[] Values(StcaModel model) => [.. model.Parameters.DenseValues, .. model.Parameters.Tables.SelectMany(table => table.Values.ToArray())];
}
