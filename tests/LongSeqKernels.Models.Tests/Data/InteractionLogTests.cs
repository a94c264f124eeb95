using NUnit.Framework;

namespace LongSeqKernels.Models.Tests;

public sealed class InteractionLogTests
{
    private static InteractionLog Log(
        long[]? offsets = null,
        int[]? items = null,
        long[]? times = null,
        float[]? labels = null,
        int[]? actions = null,
        long[]? baskets = null,
        int[]? categories = null,
        int[]? pools = null,
        string[]? users = null,
        string[]? names = null,
        int itemCount = 2,
        int actionCount = 2) => new()
        {
            Users = JaggedLayout.FromOffsets(offsets ?? [0, 2, 3]),
            Items = items ?? [0, 1, 1],
            Times = times ?? [5, 5, 1],
            Labels = labels ?? [1, 0, 0.5f],
            Actions = actions ?? [0, 1, 1],
            ActionCount = actionCount,
            Baskets = baskets ?? [7, 7, 8],
            ItemCount = itemCount,
            ItemCategories = categories ?? [0, 2],
            CategoryCount = 3,
            ItemPools = pools ?? [1, 0],
            PoolCount = 2,
            UserNames = users ?? ["ann", "bob ü"],
            ItemNames = names ?? ["x", ""],
            Source = "by hand, \"quoted\" ü",
        };

    [Test]
    public void AValidLogIsAcceptedAndFound()
    {
        var log = Log().Validate();
        Assert.That(log.EventCount, Is.EqualTo(3));
        Assert.That(log.TryFindUser("bob ü", out int user) && user == 1);
        Assert.That(log.TryFindItem("x", out int item) && item == 0);
        Assert.That(log.TryFindItem("z", out _), Is.False);
    }

    [Test]
    public void ColumnsThatDoNotHoldAreNamed()
    {
        void Refused(InteractionLog log, string because) => Assert.That(log.Validate, Throws.InstanceOf<ArgumentException>().With.Message.Contains(because));
        Refused(Log(items: [0, 1]), "Items has 2 elements; it must have 3");
        Refused(Log(items: [0, 1, 2]), "Items[2] is 2; it must be from 0 to 1");
        Refused(Log(items: [0, -1, 0]), "Items[1] is -1");
        Refused(Log(times: [5, 4, 1]), "Times[1] is 4; it must be 5 or more");
        Refused(Log(times: [5]), "Times has 1");
        Refused(Log(labels: [1]), "Labels has 1");
        Refused(Log(labels: [1, float.NaN, 0]), "Labels[1] is NaN");
        Refused(Log(labels: [1, 2, 0]), "Labels[1] is 2");
        Refused(Log(actions: [0, 1, 2]), "Actions[2] is 2");
        Refused(Log(actions: [0, 0, 0, 0]), "Actions has 4");
        Refused(Log(actionCount: 0), "ActionCount is 0; it must be 1 or more");
        Refused(Log(baskets: [1]), "Baskets has 1");
        Refused(Log(categories: [0, 3]), "ItemCategories[1] is 3");
        Refused(Log(categories: [0]), "ItemCategories has 1");
        Refused(Log(pools: [0, 2]), "ItemPools[1] is 2");
        Refused(Log(users: ["ann"]), "UserNames has 1");
        Refused(Log(users: ["ann", "ann"]), "UserNames[1] is 'ann', the same as UserNames[0]; it must be unique");
        Refused(Log(names: ["x", "x"]), "ItemNames[1]");
        Refused(Log(itemCount: 3), "must have 3 (ItemCount");
        Refused(Log(itemCount: -1), "ItemCount is -1");
    }

    [Test]
    public void ALogComesBackFromAFile()
    {
        using var folder = new TemporaryFolder();
        foreach (var log in new[] { Log(), Log(labels: [], actions: [], baskets: [], categories: [], pools: []), Log([0], [], [], [], [], [], [], [], [], [], 0) })
        {
            InteractionLogFile.Save(log, folder["log"]);
            byte[] bytes = File.ReadAllBytes(folder["log"]);
            LogAssert.AreEqual(InteractionLogFile.Load(folder["log"]), log);
            InteractionLogFile.Save(InteractionLogFile.Load(folder["log"]), folder["log"]);
            Assert.That(File.ReadAllBytes(folder["log"]), Is.EqualTo(bytes));
        }
    }

    [Test]
    public void ABadLogIsNotSaved()
    {
        using var folder = new TemporaryFolder();
        Assert.That(() => InteractionLogFile.Save(Log(items: [9, 9, 9]), folder["log"]), Throws.InstanceOf<ArgumentException>());
        Assert.That(Directory.GetFiles(folder.Root), Is.Empty);
    }

    [Test]
    public void OtherSafetensorsFilesAreNoLogs()
    {
        using var folder = new TemporaryFolder();
        var writer = new SafetensorsWriter();
        writer.Save(folder["file"]);
        Assert.That(() => InteractionLogFile.Load(folder["file"]), Throws.InstanceOf<InvalidDataException>().With.Message.Contains("is no interaction log"));
        writer.SetMetadata("format", InteractionLogFile.Format);
        writer.SetMetadata("version", "2");
        writer.Save(folder["file"]);
        Assert.That(() => InteractionLogFile.Load(folder["file"]), Throws.InstanceOf<InvalidDataException>().With.Message.Contains("version '2'; it must be of version 1"));
        writer.SetMetadata("version", "1");
        writer.Save(folder["file"]);
        Assert.That(() => InteractionLogFile.Load(folder["file"]), Throws.InstanceOf<InvalidDataException>().With.Message.Contains("no tensor 'user_offsets'"));
    }

    [Test]
    public void DamagedFilesGiveAValidLogOrTheDocumentedError()
    {
        using var folder = new TemporaryFolder();
        InteractionLogFile.Save(Log(), folder["valid"]);
        byte[] valid = File.ReadAllBytes(folder["valid"]);
        int refused = 0;
        foreach (byte[] damaged in Fuzz.BitFlips(valid).Where((_, i) => i % 7 == 0).Concat(Fuzz.Truncations(valid)).Concat(Fuzz.Mutations(valid, 6, 1000)))
        {
            try
            {
                InteractionLogFile.Load(folder.Write("damaged", damaged)).Validate();
            }
            catch (InvalidDataException)
            {
                refused++;
            }
        }
        Assert.That(refused, Is.GreaterThan(valid.Length));
    }
}
