//! CAs and certificates, their transfer, certificate providers, and role aliases.

use crate::call::{Call, operations, tagged, untagged};
use crate::provisioning::jitp;
use drydock_core::{Arn, CertificateId};
use drydock_identity::book::certificates::Attached;
use drydock_model::Router;
use drydock_model::iot::ops;
use drydock_policy::Policies;
use drydock_registry::Registry;

pub(super) fn register(router: &mut Router<Call>) {
    operations!(router, identity:
        GetRegistrationCode => |book, input, books| Ok(book.get_registration_code(&input, books.ids.as_ref()));
        DeleteRegistrationCode => |book, input, books| book.delete_registration_code(&input);
        DescribeCACertificate => |book, input, books| book.describe_ca_certificate(&input);
        UpdateCACertificate => |book, input, books| {
            jitp::check(input.registration_config.as_ref())?;
            book.update_ca_certificate(&input, books.now())
        };
        ListCACertificates => |book, input, books| book.list_ca_certificates(&input);
        RegisterCertificate => |book, input, books| book.register_certificate(&input, books.now(), books.ids.as_ref());
        RegisterCertificateWithoutCA => |book, input, books|
            book.register_certificate_without_ca(&input, books.now(), books.ids.as_ref());
        DescribeCertificate => |book, input, books| book.describe_certificate(&input);
        UpdateCertificate => |book, input, books| book.update_certificate(&input, books.now());
        ListCertificates => |book, input, books| book.list_certificates(&input);
        ListCertificatesByCA => |book, input, books| book.list_certificates_by_ca(&input);
        AcceptCertificateTransfer => |book, input, books| book.accept_certificate_transfer(&input, books.now());
        RejectCertificateTransfer => |book, input, books| book.reject_certificate_transfer(&input, books.now());
        CancelCertificateTransfer => |book, input, books| book.cancel_certificate_transfer(&input, books.now());
        ListOutgoingCertificates => |book, input, books| book.list_outgoing_certificates(&input);
        DescribeCertificateProvider => |book, input, books| book.describe_certificate_provider(&input);
        UpdateCertificateProvider => |book, input, books| book.update_certificate_provider(&input, books.now());
        ListCertificateProviders => |book, input, books| book.list_certificate_providers(&input);
        DescribeRoleAlias => |book, input, books| book.describe_role_alias(&input);
        UpdateRoleAlias => |book, input, books| book.update_role_alias(&input, books.now());
        ListRoleAliases => |book, input, books| book.list_role_aliases(&input);
    );
    tagged!(router, identity:
        RegisterCACertificate[certificate_arn] => |book, input, books| {
            jitp::check(input.registration_config.as_ref())?;
            book.register_ca_certificate(&input, books.now(), books.ids.as_ref())
        };
        CreateCertificateProvider[certificate_provider_arn] => |book, input, books|
            book.create_certificate_provider(&input, books.now());
        CreateRoleAlias[role_alias_arn] => |book, input, books| book.create_role_alias(&input, books.now());
    );
    untagged!(router, identity:
        DeleteCACertificate["cacert/" certificate_id] => |book, input, books| book.delete_ca_certificate(&input);
        DeleteCertificateProvider["certificateprovider:" certificate_provider_name] => |book, input, books|
            book.delete_certificate_provider(&input);
        DeleteRoleAlias["rolealias/" role_alias] => |book, input, books| book.delete_role_alias(&input);
    );
    router.on::<ops::TransferCertificate>(|call: Call, input| async move {
        let books = call.books();
        books
            .change((&books.identity, &books.registry, &books.policies), |(identity, registry, policies)| {
                let arn = books.scope.certificate(&CertificateId::new(&input.certificate_id)?);
                let attached = attached(registry, policies, &arn);
                identity.apply(|book| book.transfer_certificate(&input, attached, books.now()))
            })
            .await
    });
    router.on::<ops::CreateKeysAndCertificate>(|call: Call, input| async move {
        let issued = call.host().issuer.make_keys().await?;
        let books = call.books();
        books
            .apply(&books.identity, |book| {
                book.create_keys_and_certificate(&input, issued, books.now(), books.ids.as_ref())
            })
            .await
    });
    router.on::<ops::CreateCertificateFromCsr>(|call: Call, input| async move {
        let request = input.certificate_signing_request.clone();
        let issued = call.host().issuer.sign(request).await?;
        let books = call.books();
        books
            .apply(&books.identity, |book| {
                book.create_certificate_from_csr(&input, issued, books.now(), books.ids.as_ref())
            })
            .await
    });
    router.on::<ops::DeleteCertificate>(|call: Call, input| async move {
        let books = call.books();
        books
            .change((&books.identity, &books.registry, &books.policies), |(identity, registry, policies)| {
                let arn = books.scope.certificate(&CertificateId::new(&input.certificate_id)?);
                let attached = attached(registry, policies, &arn);
                identity.apply(|book| book.delete_certificate(&input, attached))?;
                // With `forceDelete` the policies go with the certificate; things never do.
                policies.run(|book| book.detach_all(arn.as_str()));
                Ok(())
            })
            .await
    });
}

/// What is attached to a certificate.
fn attached(registry: &Registry, policies: &Policies, certificate: &Arn) -> Attached {
    Attached {
        policies: policies.policies_for(&[certificate.as_str()]).policies.len(),
        things: registry.things_of(certificate.as_str()),
    }
}
