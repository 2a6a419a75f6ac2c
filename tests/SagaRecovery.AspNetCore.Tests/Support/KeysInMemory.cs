using System.Xml.Linq;
using Microsoft.AspNetCore.DataProtection.Repositories;

namespace SagaRecovery.AspNetCore.Tests.Support;

/// <summary>The keys of sign-ins and antiforgery tokens, which would otherwise be left in the user's folder.</summary>
internal sealed class KeysInMemory : IXmlRepository
{
    private readonly List<XElement> _keys = [];

    public IReadOnlyCollection<XElement> GetAllElements()
    {
        lock (_keys)
        {
            return [.. _keys];
        }
    }

    public void StoreElement(XElement element, string friendlyName)
    {
        lock (_keys)
        {
            _keys.Add(element);
        }
    }
}
