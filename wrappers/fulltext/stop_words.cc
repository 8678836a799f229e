// The commonest words that say nothing by themselves: articles, pronouns, prepositions,
// conjunctions, forms of to be and to have.
#include <algorithm>

#include "wrappers/fulltext/text_schema.h"

namespace strata::fulltext {
namespace {

struct StopList {
  std::string_view language;
  std::string_view words;  // separated by spaces
};
constexpr StopList kStopLists[] = {
    {"catalan",
     "a això al als amb aquest aquesta com de del dels des el ella els en entre era eren està "
     "fins ha han hi i jo la les li lo meu mi més na ni no o on pel per perquè però que qui "
     "sense ser seu si sobre són també te tu un una uns va és"},
    {"danish",
     "af at da de dem den der det dig din du efter eller en end er et for fra ham han hans har "
     "havde have hende her hos hun hvad hvis hvor i ikke jeg jer kan med men mig min når og "
     "også om op os over på sig sin som til ud under var vi være"},
    {"dutch",
     "aan al als bij dat de der deze die dit een en er had heb heeft het hij hoe hun ik in is "
     "je kan maar me met naar niet nog nu of om onder ook op over te tot uit van voor was wat "
     "we zich zij zijn zo"},
    {"english",
     "a an and are as at be been but by can could did do does for from had has have he her him "
     "his how i if in into is it its may me my no nor not of on or our she should so such than "
     "that the their them then there these they this those to too was we were what when which "
     "who will with would you your"},
    {"finnish",
     "ei eivät en ennen että he heidän hän hänen ja joka jos jota kanssa koska kuin kun me "
     "meidän mikä minun minä missä mitä mukaan mutta myös ne niiden niin nyt nämä oli olivat "
     "olla ollut on ovat se sekä sen siinä sinä sitä tai te tämä tämän tässä tätä vaan vai vain"},
    {"french",
     "au aux avec ce ces dans de des du elle en est et eux il ils je la le les leur lui ma mais "
     "me mes moi mon ne nos notre nous on ont ou par pas pour qu que qui sa se ses son sont sur "
     "ta te tes toi ton tu un une vos votre vous y à été"},
    {"german",
     "als am an auch auf aus bei bin bis da das dass dem den der des die dies doch du durch ein "
     "eine einem einen einer eines er es für hat ich ihr im in ist ja kein man mit nach nicht "
     "noch nur ob oder sich sie sind so um und uns vom von vor war wenn wer wie wir wird zu zum "
     "zur über"},
    {"hungarian",
     "a ahogy aki akik amely ami amíg az azok azt azért be csak de egy el ez ezek ezt ha hogy "
     "ide is itt ki le lesz meg mert mi mint mit most már nagyon ne nem ott pedig saját se sem "
     "te ti után vagy van vannak volna volt én és ő ők"},
    {"indonesian",
     "ada adalah agar akan aku anda antara atau bagi bahwa belum bisa dalam dan dari dengan di "
     "dia hanya ia ini itu jika juga kami kamu kapan karena ke kepada kita lagi lebih maka "
     "masih mereka oleh pada para pun saat saja sampai saya sebagai sebuah secara sedang "
     "seperti serta sudah tetapi tidak untuk yaitu yang"},
    {"italian",
     "a al alla anche che chi ci come con cui da dal dei del della di e ed era gli ha i il in "
     "io la le lo ma mi ne nei non o per più quella questo se si sono su sua suo tra un una è"},
    {"norwegian",
     "at av bli da de deg dem den denne der det din du eller en er et etter for fra før ha "
     "hadde han hans har henne her hos hun hva hvis hvor i ikke jeg kan man med meg men min når "
     "og også om oss over på seg sin som så til var ved vi være"},
    {"portuguese",
     "a ao aos as até com como da das de dela dele do dos e ela ele em entre era essa esse esta "
     "este eu foi há isso já lhe mais mas me mesmo muito na nas no nos não o os ou para pela "
     "pelo por que se sem seu sua são também te tem um uma é"},
    {"romanian",
     "a ai al ale am au ca care ce cei cel cu cum că dar de deci din după e ea ei el ele era "
     "este eu fi fie iar la lor lui mai mă ne nici nu o pe pentru prin s sau se sunt să te tu "
     "un una unui va îi îl în îşi își şi și"},
    {"russian",
     "а без был была были было быть в во все где да для его ее если есть еще же за и из или им "
     "их к как когда кто мне мы на над не него нет ни но о об он она они от по под при с со так "
     "то только ты у что чтобы это я"},
    {"spanish",
     "a al como con de del desde donde el ella en entre era es esa ese esta este ha hay la las "
     "le les lo los me mi mis más muy ni no nos o para pero por que se si sin sobre son su sus "
     "también te tu un una y ya"},
    {"swedish",
     "att av blev de dem den denna det detta dig din du efter eller en er ett från för ha hade "
     "han hans har henne hennes hon honom hur i icke inte jag kan man med men mig min mot när "
     "och om oss på sig sin ska som så till under vad var vi vid än är över"},
    {"turkish",
     "ama ancak aynı bana bazı ben beni benim bile bir biz bize bu buna bunu da daha de değil "
     "diye en gibi hem hep her ile ise için işte kadar ki mi mu mü mı nasıl ne neden o olan "
     "olarak olduğu onlar onu onun sadece sen siz tüm var ve veya ya yani yok çok çünkü şu"},
};

}  // namespace

std::vector<std::string_view> StopWordLanguages() {
  std::vector<std::string_view> out;
  for (const StopList& list : kStopLists) out.push_back(list.language);
  return out;
}

std::vector<std::string> StopWords(std::string_view language) {
  std::vector<std::string> out;
  for (const StopList& list : kStopLists) {
    if (list.language != language) continue;
    std::string_view words = list.words;
    while (!words.empty()) {
      const size_t end = std::min(words.find(' '), words.size());
      out.emplace_back(words.substr(0, end));
      words.remove_prefix(std::min(end + 1, words.size()));
    }
  }
  return out;
}

}  // namespace strata::fulltext
