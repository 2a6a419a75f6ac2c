using System.Globalization;
using System.Text.Json;
using SagaRecovery.Benchmarks.Peers;

// Started by the benchmarks; see PeerProcess there. A line of output that others wait for has a word in front of it.
switch (args)
{
    case ["describe"]:
        Write("peers", JsonSerializer.Serialize(Peer.Every.Select(peer => new { peer.Name, peer.IsTuned, peer.Version, peer.Settings, peer.Guarantees })));
        break;
    case ["seed", var peer, var database, var jobs]:
        await Phases.SeedAsync(Peer.Named(peer), database, Number(jobs));
        Write("ready", "");
        await Console.In.ReadToEndAsync(); // until it is killed, or until the benchmarks have ended
        break;
    case ["recover", var peer, var database, var jobs, var launchedAt, var deadline, var watch]:
        Write("result", JsonSerializer.Serialize(await Phases.RecoverAsync(
            Peer.Named(peer), database, Number(jobs), long.Parse(launchedAt, CultureInfo.InvariantCulture), Seconds(deadline), Seconds(watch))));
        break;
    case ["steady", var peer, var database, var warmUp, var jobs]:
        Write("result", JsonSerializer.Serialize(await Phases.RunSteadilyAsync(Peer.Named(peer), database, Number(warmUp), Number(jobs))));
        break;
    default:
        throw new ArgumentException($"Unknown arguments: {string.Join(' ', args)}", nameof(args));
}

Environment.Exit(0); // the services of a peer are not stopped: the process ends

static int Number(string text) => int.Parse(text, CultureInfo.InvariantCulture);

static TimeSpan Seconds(string text) => TimeSpan.FromSeconds(Number(text));

static void Write(string word, string text)
{
    Console.WriteLine($"{word} {text}");
    Console.Out.Flush();
}
